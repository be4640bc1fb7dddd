"""What stands before the services start: engines, tables, streams, and who may use the bus."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from services.hub.definitions import active
from services.hub.definitions.apply import DefinitionSet
from services.hub.engines.engines import Engines
from services.hub.engines.errors import EngineError
from services.hub.errors import HubProblem
from services.hub.home import Home
from services.hub.partners import partners_in
from services.hub.provisioning import behind, connected, make_streams, migrate
from services.hub.settings import EXAMPLE, HubSettings
from services.hub.topology import SERVICES
from services.hub.up import channel_secrets
from services.runtime.bus import Bus


@dataclass(frozen=True)
class Ground:
    """Running engines, ready for the services. `first` is to be applied: nothing is active yet."""

    engines: Engines
    settings: HubSettings
    partners: list[str]
    first: DefinitionSet | None


async def lay(settings: HubSettings, home: Home, stack: AsyncExitStack) -> Ground:
    """Start the engines, which `stack` will stop, and prepare them. Raises HubProblem and its like."""
    engines = await _engines(settings, home)
    stack.push_async_callback(engines.stop)
    told = {"nats_url": SecretStr(engines.nats_url), "nats_seed_file": engines.nats_credentials}
    settings = settings.model_copy(update=told)
    if lagging := await behind(engines.dsn(), SERVICES):
        await asyncio.to_thread(migrate, engines.dsn(), lagging)
    bus = await connected(settings)
    try:
        await make_streams(bus, settings, ())
        return await _populated(engines, settings, home, bus)
    finally:
        await bus.close()


async def _engines(settings: HubSettings, home: Home) -> Engines:
    try:
        return await Engines.start(home.folder, nats_port=settings.nats_port)
    except EngineError as problem:
        if f"port {settings.nats_port} " not in problem.problem:
            raise
        remedy = "Stop the program that uses it, or set LEADWIRE_NATS_PORT to another port."
        raise HubProblem(problem.problem, remedy) from problem


async def _populated(engines: Engines, settings: HubSettings, home: Home, bus: Bus) -> Ground:
    """Let in the partners of the set that is active, or will be first."""
    now = await active.active(bus)
    parts = await active.parts_of(bus, now.version) if now else None
    first = None if parts is not None else first_set(settings.definitions, home)
    partners = partners_in(first.parts if first else parts or {})
    await engines.reload_partners(partners)
    await make_streams(bus, settings, partners)
    return Ground(engines, settings, partners, first)


def first_set(folder: Path, home: Home) -> DefinitionSet:
    """The folder as a set, with secrets of our own choosing for the example. Raises DefinitionsRefused."""
    from services.hub.definitions.check import check
    from services.hub.definitions.folder import read_folder

    texts = read_folder(folder)
    if folder.resolve() == EXAMPLE:
        channel_secrets.make_missing(home, channel_secrets.names_in(texts))
    checked = check(texts)
    return DefinitionSet(checked.version, checked.parts, checked.loaded)
