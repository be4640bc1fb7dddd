"""Roles, tables, streams, partners, the first definitions and a token, on engines that run."""

import json
from collections.abc import Callable

from services.hub import secret_files
from services.hub.definitions import active
from services.hub.definitions.parts import Part
from services.hub.deployment import bus as bus_file
from services.hub.deployment.hints import Reach, hints
from services.hub.deployment.places import Places
from services.hub.deployment.preparing import first_set, password_in, role_files
from services.hub.engines import roles
from services.hub.engines.errors import EngineError
from services.hub.errors import HubProblem
from services.hub.partners import partners_in
from services.hub.provisioning import connected, make_streams, migrate
from services.hub.settings import HubSettings
from services.hub.topology import SERVICES
from services.hub.up.ready import admin_token
from services.runtime.bus import Bus
from services.runtime.clock import Clock
from services.runtime.streams import DEFINITIONS_BUCKET

Told = Callable[[str], None]
_SUPERUSER = "postgres"


async def make_roles(settings: HubSettings, places: Places) -> None:
    """The database, its owner, and a role for each service, with the passwords of their files."""
    password = secret_files.read(places.superuser_password)
    if password is None:
        raise HubProblem(f"There is no {places.superuser_password}.", "Run leadwire prepare first.")
    passwords = {
        role: password_in(secret_files.read(file) or "") for role, file in role_files(places).items()
    }
    dsn = f"postgresql://{_SUPERUSER}:{password}@{settings.database_server}/postgres"
    await roles.establish(dsn, SERVICES, passwords)


def migrate_as_owner(places: Places) -> None:
    """Bring every service's schema to its newest. Raises HubProblem."""
    migrate(secret_files.read(places.owner_url) or "", SERVICES)


async def make_bus(settings: HubSettings, places: Places, clock: Clock, tell: Told) -> None:
    """Streams, partners, definitions and the token. Raises HubProblem, BusUnavailable, ProvisionRefused."""
    bus = await connected(settings)
    try:
        for change in await make_streams(bus, settings, ()):
            tell(f"{change.did} {change.name}")
        parts = await _in_force(bus, settings, places, clock, tell)
        await _admit(bus, settings, places, partners_in(parts), tell)
        await admin_token(bus, places.home, clock)
        reach = Reach(settings.address_http, settings.address_mail, settings.address_bus)
        tell(hints(reach, parts, secret_files.read(places.of("connectors") / "definitions.env") or ""))
    finally:
        await bus.close()


async def _in_force(
    bus: Bus, settings: HubSettings, places: Places, clock: Clock, tell: Told
) -> dict[str, Part]:
    """The parts of the active set; the first set is made active when there is none."""
    now = await active.active(bus)
    found = await active.parts_of(bus, now.version) if now else None
    if found is not None:
        return found
    first = first_set(settings.definitions, places)
    # No service runs yet that could take its part; they look here when they start.
    bucket = await bus.kv(DEFINITIONS_BUCKET)
    for service, part in first.parts.items():
        await bucket.put(f"parts.{first.version}.{service}", json.dumps(part).encode())
    await active.activate(bus, first.version, by="leadwire provision", at=clock.now())
    tell(f"applied the definitions in {settings.definitions}")
    return dict(first.parts)


async def _admit(bus: Bus, settings: HubSettings, places: Places, partners: list[str], tell: Told) -> None:
    """Let in the partners that the active set names, and nobody else."""
    try:
        changed = bus_file.configure(places, partners)
    except EngineError as problem:
        raise HubProblem(f"{problem.problem}.", problem.remedy) from problem
    if changed:
        await bus_file.take_over(places, settings.nats_url.get_secret_value())
        tell(f"the bus lets in: {', '.join(partners) or 'no partner'}")
    for change in await make_streams(bus, settings, partners):
        tell(f"{change.did} {change.name}")
