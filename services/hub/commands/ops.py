"""`leadwire provision`: what must be there before services start."""

import asyncio
from typing import Annotated

import typer

from services.hub.errors import HubProblem


def provision(
    migrate: Annotated[
        bool, typer.Option(help="Also bring the database of every service to its newest schema.")
    ] = True,
) -> None:
    """Make streams and tables what they should be."""
    from pydantic import ValidationError

    from services.hub.provisioning import migrate_everything, provision_bus
    from services.hub.settings import HubSettings
    from services.runtime.provision import ProvisionRefused
    from services.runtime.publishing import BusUnavailable
    from services.runtime.settings import mistakes

    try:
        settings = HubSettings()
    except ValidationError as error:
        raise HubProblem(f"{'; '.join(mistakes(error))}.", "Correct the environment.") from None
    try:
        changes = asyncio.run(provision_bus(settings, settings.partners))
    except ProvisionRefused as refused:
        raise HubProblem(str(refused), "Then run leadwire provision again.") from None
    except BusUnavailable as away:
        raise HubProblem(f"The bus is not there: {away}.", "Check LEADWIRE_NATS_URL.") from None
    for change in changes:
        print(f"{change.did} {change.name}" + (f": {change.detail}" if change.detail else ""))
    if not changes:
        print("Streams and buckets are as they should be.")
    if migrate:
        migrate_everything(settings)
        print("Every schema is at its newest.")


COMMANDS = (provision,)
