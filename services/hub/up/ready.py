"""The last steps before a hub may call itself ready: a token, a set of definitions, services that use it."""

import asyncio
from collections.abc import Sequence

from services.hub.definitions import active
from services.hub.definitions.apply import DefinitionSet, NotStaged, apply
from services.hub.errors import HubProblem
from services.hub.home import Home
from services.hub.partners import Partners
from services.runtime.auth import PREFIX, create_token
from services.runtime.bus import Bus
from services.runtime.clock import Clock
from services.runtime.host import Host
from services.runtime.streams import TOKENS_BUCKET

ADMIN_TOKEN = "admin.token"
_PATIENCE_SECONDS = 20.0
_PAUSE_SECONDS = 0.02


async def admin_token(bus: Bus, home: Home, clock: Clock) -> str:
    """The administrator's token: made once, kept below the home, valid on this bus."""
    token = home.read(ADMIN_TOKEN)
    if token is None:
        token = PREFIX + home.once(f".{ADMIN_TOKEN}.draft", 32)
    # Registered before it is kept where people look: a token in that file always works.
    await create_token(await bus.kv(TOKENS_BUCKET), "admin", ["admin"], now=clock.now(), token=token)
    home.keep(ADMIN_TOKEN, token)
    return token


async def apply_first(bus: Bus, first: DefinitionSet, partners: Partners, clock: Clock) -> None:
    """Make the first set active as soon as every service listens. Raises HubProblem."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while True:
        try:
            await apply(bus, first, partners, by="leadwire up", at=clock.now())
            return
        except NotStaged as silent:
            if asyncio.get_running_loop().time() > deadline:
                raise HubProblem(f"{silent}.", "See the log above, then start again.") from silent
            await asyncio.sleep(_PAUSE_SECONDS)


async def all_in_force(bus: Bus, hosts: Sequence[Host]) -> None:
    """Return once every service uses the active set. Raises HubProblem after some patience."""
    now = await active.active(bus)
    version = now.version if now else ""
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while lagging := [host for host in hosts if not _uses(host, version)]:
        if asyncio.get_running_loop().time() > deadline:
            why = "; ".join(f"{h.name}: {h.definitions and h.definitions.problem}" for h in lagging)
            raise HubProblem(
                f"The active definitions are not in force: {why}.",
                "leadwire check the folder with this release; see the log above.",
            )
        await asyncio.sleep(_PAUSE_SECONDS)


def _uses(host: Host, version: str) -> bool:
    definitions = host.definitions
    return definitions is None or (definitions.loaded.is_set() and definitions.version == version)
