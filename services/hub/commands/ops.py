"""`leadwire prepare | provision`: what must be there before services start."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from services.hub.errors import HubProblem

if TYPE_CHECKING:
    from services.hub.settings import HubSettings


def prepare() -> None:
    """Make keys, passwords and the configuration of the bus, before any engine runs."""
    from services.hub.deployment.places import Places
    from services.hub.deployment.preparing import prepare as prepare_places

    settings = _settings()
    if settings.deployment is None:
        raise HubProblem("It is not said where to.", "Set LEADWIRE_DEPLOYMENT to a folder.")
    with _explained(settings):
        for line in prepare_places(settings, Places(settings.deployment)):
            print(line)


def provision(
    migrate: Annotated[
        bool, typer.Option(help="Also bring the database of every service to its newest schema.")
    ] = True,
) -> None:
    """Make streams and tables what they should be; with LEADWIRE_DEPLOYMENT all that services need."""
    settings = _settings()
    with _explained(settings):
        if settings.deployment is not None:
            _provision_deployment(settings, migrate)
        else:
            _provision_engines(settings, migrate)


def _provision_deployment(settings: "HubSettings", migrate: bool) -> None:
    from services.hub.deployment import provisioning
    from services.hub.deployment.places import Places
    from services.runtime.clock import SystemClock

    places = Places(settings.deployment or settings.home)
    asyncio.run(provisioning.make_roles(settings, places))
    if migrate:
        provisioning.migrate_as_owner(places)
        print("Every schema is at its newest.")
    asyncio.run(provisioning.make_bus(settings, places, SystemClock(), print))


def _provision_engines(settings: "HubSettings", migrate: bool) -> None:
    from services.hub.provisioning import migrate_everything, provision_bus

    changes = asyncio.run(provision_bus(settings, settings.partners))
    for change in changes:
        print(f"{change.did} {change.name}" + (f": {change.detail}" if change.detail else ""))
    if not changes:
        print("Streams and buckets are as they should be.")
    if migrate:
        migrate_everything(settings)
        print("Every schema is at its newest.")


def _settings() -> "HubSettings":
    from pydantic import ValidationError

    from services.hub.settings import HubSettings
    from services.runtime.settings import mistakes

    try:
        return HubSettings()
    except ValidationError as error:
        raise HubProblem(f"{'; '.join(mistakes(error))}.", "Correct the environment.") from None


@contextmanager
def _explained(settings: "HubSettings") -> Iterator[None]:
    """Turn what engines and definitions refuse into a problem with a remedy."""
    from services.hub.engines.errors import EngineError
    from services.hub.up.problems import explained
    from services.runtime.provision import ProvisionRefused
    from services.runtime.publishing import BusUnavailable

    try:
        yield
    except ProvisionRefused as refused:
        raise HubProblem(str(refused), "Then run leadwire provision again.") from None
    except BusUnavailable as away:
        raise HubProblem(f"The bus is not there: {away}.", "Check LEADWIRE_NATS_URL.") from None
    except EngineError as problem:
        raise HubProblem(f"{problem.problem}.", problem.remedy) from None
    except Exception as error:
        problem_known = explained(error, settings)
        if problem_known is None or isinstance(error, HubProblem):
            raise
        raise problem_known from None


COMMANDS = (prepare, provision)
