"""Four owners of definitions on a real bus, and a process that applies a folder and may be killed."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nats.aio.msg import Msg

from services.hub.definitions.apply import DefinitionSet, apply
from services.hub.definitions.check import check
from services.hub.definitions.folder import read_folder
from services.hub.definitions.parts import owners
from services.hub.partners import AdmittedElsewhere
from services.hub.topology import specs
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from services.runtime.definitions import DefinitionErrors, Definitions, as_rows
from services.runtime.provision import provision
from services.runtime.questions import subject

Hook = Callable[[str], None]


class Owners:
    """Stages as every service does, follows the active set, and lets a test act around each staging."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.before: Hook = lambda _service: None
        self.after: Hook = lambda _service: None
        self.parts: dict[str, Definitions[Any]] = {
            owner.service: Definitions(owner.service, owner.compile) for owner in owners()
        }

    def versions(self) -> set[str]:
        """What is in force; more than one element would be a set half active."""
        return {part.version for part in self.parts.values()}

    async def answer(self, service: str, message: Msg) -> None:
        self.before(service)
        asked = json.loads(message.data)
        errors: list[dict[str, str]] = []
        try:
            await self.parts[service].stage(self.bus, asked["version"], asked["part"])
        except DefinitionErrors as mistakes:
            errors = as_rows(mistakes.errors)
        self.after(service)
        await message.respond(json.dumps({"accepted": not errors, "errors": errors}).encode())


@asynccontextmanager
async def owners_on(url: str) -> AsyncIterator[Owners]:
    """Provisioned bus, four owners listening and following."""
    bus = await Bus.connect(url)
    await provision(bus, specs())
    here = Owners(bus)
    stopping = asyncio.Event()
    for service in here.parts:
        await bus.nc.subscribe(subject(service, "stage"), cb=_asked(here, service))
    following = [asyncio.create_task(part.follow(bus, stopping)) for part in here.parts.values()]
    try:
        yield here
    finally:
        stopping.set()
        await asyncio.gather(*following)
        await bus.close()


def _asked(here: Owners, service: str) -> Callable[[Msg], Any]:
    async def asked(message: Msg) -> None:
        await here.answer(service, message)

    return asked


def set_of(folder: Path) -> DefinitionSet:
    """A folder as it is applied."""
    checked = check(read_folder(folder))
    return DefinitionSet(checked.version, checked.parts, checked.loaded)


async def _apply(url: str, folder: Path) -> None:
    bus = await Bus.connect(url)
    await apply(bus, set_of(folder), AdmittedElsewhere(), by="test", at=SystemClock().now())
    await bus.close()


if __name__ == "__main__":
    asyncio.run(_apply(sys.argv[1], Path(sys.argv[2])))
