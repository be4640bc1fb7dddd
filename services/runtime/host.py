"""Runs the program of a service: its readers, relay, timers, commands, questions and loops."""

import asyncio
from collections import ChainMap
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.types import ASGIApp

from contracts.contract import COMMANDS_STREAM
from services.runtime.bus import Bus
from services.runtime.cause import Cause, new_cause
from services.runtime.clock import Clock, SystemClock
from services.runtime.commands import CommandRunner, Commands
from services.runtime.database import Database
from services.runtime.definitions import Definitions
from services.runtime.facts import Facts
from services.runtime.patience import wait_any
from services.runtime.questions import Question, Questions
from services.runtime.reader import Reader, Turn
from services.runtime.redrive import Redrive
from services.runtime.relay import Relay
from services.runtime.retention import Forget, Retention
from services.runtime.serving import main, run
from services.runtime.settings import Settings
from services.runtime.shared_readers import SharedReaders, Varying
from services.runtime.streams import StreamSpec
from services.runtime.supervision import Loop, Supervisor
from services.runtime.timer_loop import Handler, TimerLoop
from services.runtime.work import Work

if TYPE_CHECKING:
    from services.runtime.command_consumer import CommandConsumer
    from services.runtime.database import Connection

__all__ = ["Host", "Program", "main", "run"]


@dataclass
class Program:
    """What a service consists of; made by its composition root, run by a Host.

    `api` is mounted at /api/<name>, `inlet` at /in. `resolve` tells under which other names a name
    is known here. `streams` are those this service needs besides the usual ones; `varying` are streams to
    read that come and go while it runs. `forget` deletes rows of its own that were kept long enough.
    """

    name: str
    facts: Sequence[Facts] = ()
    varying: Varying | None = None
    commands: Commands | None = None
    questions: Mapping[str, Question] = field(default_factory=dict)
    timers: Mapping[str, Handler] = field(default_factory=dict)
    loops: Mapping[str, Callable[["Host"], Awaitable[None]]] = field(default_factory=dict)
    definitions: Definitions[Any] | None = None
    api: Callable[["Host"], APIRouter] | None = None
    inlet: Callable[["Host"], ASGIApp] | None = None
    resolve: Callable[["Connection", str], Awaitable[set[str]]] | None = None
    streams: Sequence[StreamSpec] = ()
    forget: Forget | None = None


class Host:
    """One running program. Starts although bus and database are away; each part waits for its own."""

    def __init__(
        self,
        program: Program,
        settings: Settings,
        bus: Bus,
        database: Database,
        clock: Clock | None = None,
        stopping: asyncio.Event | None = None,
    ) -> None:
        self.program = program
        self.settings = settings
        self.bus = bus
        self.database = database
        self.clock = clock or SystemClock()
        self.stopping = stopping or asyncio.Event()
        self._relay_wake, self._timers_wake = asyncio.Event(), asyncio.Event()
        self._parked_wake = asyncio.Event()
        self._supervisor = Supervisor(program.name, self.stopping)
        self._consumer: CommandConsumer | None = None
        self._own_readers = {facts.stream: self._reader(facts) for facts in program.facts}
        self._shared = self._share(program.varying) if program.varying else None
        self.redrive = self._redrive()

    @classmethod
    async def create(
        cls,
        program: Program,
        settings: Settings,
        bus: Bus,
        clock: Clock | None = None,
        stopping: asyncio.Event | None = None,
    ) -> "Host":
        """A host with a pool of its own. Connects to nothing yet. Hosts may share `stopping`."""
        # One connection for each reader and the relay, which keep theirs, and some for the rest.
        kept = len(program.facts) + (program.varying is not None)
        size = max(settings.database_connections, kept + 3)
        dsn = settings.database_url.get_secret_value()
        database = await Database.connect(dsn, program.name, size=size)
        return cls(program, settings, bus, database, clock, stopping)

    @property
    def name(self) -> str:
        """The service."""
        return self.program.name

    @property
    def definitions(self) -> Definitions[Any] | None:
        """Its part of what people configure."""
        return self.program.definitions

    @property
    def readers(self) -> Mapping[str, Reader]:
        """The readers there are now, by stream."""
        return self._own_readers | (self._shared.readers if self._shared else {})

    @property
    def failing(self) -> Mapping[str, str]:
        """The loops that have failed and wait to be started again, and why."""
        return self._supervisor.failing

    @property
    def command_problem(self) -> str | None:
        """Why commands are not being handled; None when they are, or there are none."""
        return self._consumer.problem if self._consumer else None

    @asynccontextmanager
    async def work(self, cause: Cause | None = None) -> AsyncIterator[Work]:
        """A unit of work in a transaction of its own, for what begins over HTTP or in a loop."""
        async with self.database.pool.acquire() as connection, connection.transaction():
            work = Work(connection, group=self.name, now=self.clock.now(), cause=cause or new_cause())
            yield work
            await work.flush()
        self.committed(work)

    def committed(self, work: Work) -> None:
        """Wake whoever has something to do after this commit."""
        if work.wakes_relay:
            self.wake_relay()
        if work.wakes_timers:
            self.wake_timers()

    def wake_relay(self) -> None:
        """Something was put into the outbox."""
        self._relay_wake.set()

    def wake_timers(self) -> None:
        """A timer was set, or the clock was moved."""
        self._timers_wake.set()
        self._parked_wake.set()

    async def start(self) -> None:
        """Start everything; returns at once."""
        self._supervisor.start(self._loops())

    async def stop(self) -> None:
        """End every loop after its transaction, then let go of the database; the bus stays open."""
        self.stopping.set()
        await self._supervisor.finished()
        await self.database.close()

    def _reader(self, facts: Facts, turn: Turn | None = None) -> Reader:
        return Reader(self.database, self.bus, self.name, facts, self.clock, self.committed, turn=turn)

    def _share(self, varying: Varying) -> SharedReaders:
        return SharedReaders(self.database, self.name, varying, self._reader)

    def _redrive(self) -> Redrive:
        own: dict[str, Facts] = {facts.stream: facts for facts in self.program.facts}
        if self.program.commands:
            own[COMMANDS_STREAM] = self.program.commands
        streams = ChainMap(own, self._shared.facts) if self._shared else own
        return Redrive(self.database, self.name, streams, self.clock, self._parked_wake, self.committed)

    def _loops(self) -> dict[str, Loop]:
        loops: dict[str, Loop] = {
            f"reader {stream}": self._configured(reader.run) for stream, reader in self._own_readers.items()
        }
        if self._shared:
            loops["varying readers"] = self._configured(self._shared.run)
        relay = Relay(self.database, self.bus, self.name, self._relay_wake)
        loops["relay"] = self._with_bus(relay.run)
        loops["redrive"] = self._configured(self.redrive.run)
        loops["questions"] = self._with_bus(Questions(self, self.program.questions).run)
        loops["retention"] = self._retention().run
        if self.program.timers:
            loops["timers"] = self._configured(self._timers().run)
        if self.program.commands:
            loops["commands"] = self._configured(self._commands(self.program.commands))
        if self.program.definitions:
            loops["definitions"] = self._follow(self.program.definitions)
        return loops | {name: self._own(loop) for name, loop in self.program.loops.items()}

    def _timers(self) -> TimerLoop:
        return TimerLoop(
            self.database,
            self.name,
            self.program.timers,
            self.clock,
            self._timers_wake,
            self.wake_relay,
        )

    def _retention(self) -> Retention:
        keep = self.settings
        return Retention(
            self.database,
            self.clock,
            outbox_days=keep.keep_facts_days,
            inbox_days=keep.keep_inbox_days,
            journal_days=keep.keep_journal_days,
            own=self.program.forget,
        )

    def _commands(self, commands: Commands) -> Loop:
        # FastStream is loaded only where there are commands to take.
        from services.runtime.command_consumer import CommandConsumer

        runner = CommandRunner(self.database, self.name, commands, self.clock, self.committed)
        self._consumer = CommandConsumer(self.bus, runner)
        return self._consumer.run

    def _follow(self, definitions: Definitions[Any]) -> Loop:
        async def follow(stopping: asyncio.Event) -> None:
            await definitions.follow(self.bus, stopping)

        return follow

    def _own(self, loop: Callable[["Host"], Awaitable[None]]) -> Loop:
        async def run_own(_stopping: asyncio.Event) -> None:
            await loop(self)

        return run_own

    def _with_bus(self, loop: Loop) -> Loop:
        async def wait_then_run(stopping: asyncio.Event) -> None:
            await wait_any(self.bus.opened, stopping)
            if not stopping.is_set():
                await loop(stopping)

        return wait_then_run

    def _configured(self, loop: Loop) -> Loop:
        """Not before it is known what people have configured: nothing is handled by empty rules."""

        async def wait_then_run(stopping: asyncio.Event) -> None:
            if self.definitions:
                await wait_any(self.definitions.loaded, stopping)
            if not stopping.is_set():
                await loop(stopping)

        return self._with_bus(wait_then_run)
