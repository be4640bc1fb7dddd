"""A small whole service: commands, timers, a question, a loop, an API and an inlet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.contract import Command
from services.runtime.auth import require
from services.runtime.bus import Bus
from services.runtime.cause import new_cause
from services.runtime.clock import SystemClock
from services.runtime.commands import Commands
from services.runtime.definitions import Definitions
from services.runtime.errors import Ignored, Permanent, Retryable
from services.runtime.host import Host, Program
from services.runtime.outbox import Outgoing, seal
from services.runtime.provision import buckets, commands_consumer, commands_stream, provision
from services.runtime.received import Received
from services.runtime.settings import Settings
from services.runtime.work import Work
from tests.support.databases import FLOOR

if TYPE_CHECKING:
    from services.runtime.database import Connection


class Ring(Command):
    """Asks for a bell to be rung. `trouble` names the exception its handler raises."""

    TYPE: ClassVar[str] = f"do.{FLOOR}.ring.v1"
    OWNER: ClassVar[str] = FLOOR

    bell: str
    number: int
    trouble: str = ""

    def key(self) -> str:
        return self.bell


def ring(bell: str, number: int, trouble: str = "") -> Outgoing:
    """A sealed command, ready to publish."""
    command, cause = Ring(bell=bell, number=number, trouble=trouble), new_cause()
    now = SystemClock().now()
    return seal(command, event_id=f"{bell}-{number}", source="test", now=now, cause=cause)


@dataclass
class Bells:
    """What the handlers did, in order, and which troubles are over."""

    rung: list[tuple[str, int]] = field(default_factory=list)
    tried: list[int] = field(default_factory=list)
    cured: set[int] = field(default_factory=set)
    loop_failures: int = 0
    loops_begun: int = 0


TROUBLES: dict[str, Exception] = {
    "retry": Retryable("the rope is wet"),
    "never": Permanent("no such bell"),
    "ignore": Ignored("a rehearsal"),
    "bug": ZeroDivisionError("oops"),
}


def commands_of(bells: Bells) -> Commands:
    commands = Commands()

    @commands.on(Ring)
    async def on_ring(command: Received[Ring], work: Work) -> None:
        bells.tried.append(command.data.number)
        if command.data.trouble and command.data.number not in bells.cured:
            raise TROUBLES[command.data.trouble]
        work.note(f"rang {command.data.number}", names=[command.data.bell])
        bells.rung.append((command.data.bell, command.data.number))

    return commands


def program_of(bells: Bells) -> Program:
    async def on_swing(timer: Any, work: Work) -> None:
        bells.rung.append((timer.key, -1))

    async def swinging(host: Host) -> None:
        bells.loops_begun += 1
        if bells.loop_failures:
            bells.loop_failures -= 1
            raise OSError("the beam creaks")
        await host.stopping.wait()

    async def state(payload: dict[str, Any], host: Host) -> dict[str, Any]:
        return {"rung": len(bells.rung), "asked": payload, "by": host.name}

    async def resolve(_connection: "Connection", name: str) -> set[str]:
        return {"great"} if name == "the big one" else set()

    return Program(
        name=FLOOR,
        commands=commands_of(bells),
        timers={"swing": on_swing},
        questions={"state": state},
        loops={"swinging": swinging},
        definitions=Definitions("tower", dict),
        api=_api,
        inlet=_inlet,
        resolve=resolve,
    )


def _api(host: Host) -> APIRouter:
    router = APIRouter()

    @router.post("/ropes/{key}", dependencies=[Depends(require("operator"))])
    async def pull(key: str) -> None:
        async with host.work() as work:
            work.arm("swing", key, host.clock.now())

    return router


def _inlet(host: Host) -> ASGIApp:
    async def rope(scope: Scope, receive: Receive, send: Send) -> None:
        loaded = bool(host.definitions and host.definitions.loaded.is_set())
        await JSONResponse({"loaded": loaded})(scope, receive, send)

    return rope


async def provision_bells(bus: Bus) -> None:
    await provision(bus, [commands_stream(), commands_consumer(FLOOR), *buckets()])


async def send(bus: Bus, *commands: Outgoing) -> None:
    for command in commands:
        await bus.publish(command.stream, command.subject, command.body, command.headers)


@asynccontextmanager
async def running_host(program: Program, settings: Settings) -> AsyncIterator[Host]:
    """The program on a bus connection of its own, until the block ends."""
    bus = Bus(settings.nats_url.get_secret_value(), name="test")
    host = await Host.create(program, settings, bus)
    opening = asyncio.create_task(bus.open())
    await host.start()
    try:
        yield host
    finally:
        await host.stop()
        opening.cancel()
        await asyncio.wait([opening])
        await bus.close()
