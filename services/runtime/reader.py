"""The fact reader: applies a stream to a service's state, each fact once and in order per key.

Its position is a row moved by compare-and-set in the transaction of the effects. That alone keeps two
readers apart; the lease only saves the second one's work.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, TypeAlias

import structlog
from prometheus_client import Gauge

from services.runtime.batch import BatchApplier
from services.runtime.bus import Bus
from services.runtime.clock import Clock
from services.runtime.database import Database, told
from services.runtime.facts import Facts
from services.runtime.feed import Feed, StreamState, id_at, stream_state
from services.runtime.inbox import Inbox, NoInbox
from services.runtime.patience import Backoff, wait_any
from services.runtime.positions import LostPosition, Position, Positions
from services.runtime.received import RawMessage
from services.runtime.work import Work

if TYPE_CHECKING:
    from services.runtime.database import Connection

Turn: TypeAlias = Callable[[], AbstractAsyncContextManager["Connection"]]
log = structlog.get_logger()
POSITION = Gauge("leadwire_reader_position", "Last sequence dealt with.", ["service", "stream"])
STOPPED = Gauge("leadwire_reader_stopped", "1 while a reader refuses to go on.", ["service", "stream"])
_LEASE_POLL_SECONDS = 1.0
_ALARM_SECONDS = 5.0
_DEADLY_ATTEMPTS = 3


class StreamLost(Exception):
    """The stream is not the one that was read, or facts are gone unread: a person must decide."""


async def leased(
    connection: "Connection",
    name: str,
    stopping: asyncio.Event,
    waiting: Callable[[], None] = lambda: None,
) -> bool:
    """Wait for the one lease of this name, kept with the connection; False when told to stop meanwhile.

    `waiting` is called whenever another has it.
    """
    while not stopping.is_set():
        if await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", name):
            return True
        waiting()
        await wait_any(stopping, timeout=_LEASE_POLL_SECONDS)
    return False


class Reader:
    """Reads one stream for one group. `lease=False` lets several read at once, for proofs.

    With a `turn` it keeps no connection, and who else may read is its owner's care.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        group: str,
        facts: Facts,
        clock: Clock,
        committed: Callable[[Work], None],
        *,
        lease: bool = True,
        turn: Turn | None = None,
        positions: Positions | None = None,
        inbox: Inbox | None = None,
    ) -> None:
        self.database = database
        self.bus = bus
        self.group = group
        self.stream = facts.stream
        self.positions = positions or Positions(facts.stream, group)
        own_inbox = Inbox(group) if facts.inbox else NoInbox(group)
        self._batches = BatchApplier(group, facts, clock, self.positions, inbox or own_inbox, committed)
        self._lease = lease
        self._turn = turn
        self._careful = True
        self._counted: int | None = None
        self.problem: str | None = "starting"

    async def run(self, stopping: asyncio.Event) -> None:
        """Read until told to stop. Every failure drops all that was pulled and begins anew."""
        backoff = Backoff()
        while not stopping.is_set():
            try:
                await self._follow(stopping, backoff)
            except StreamLost as lost:
                self._alarm(str(lost))
                log.error("reader.stopped", service=self.group, stream=self.stream, why=str(lost))
                await wait_any(stopping, timeout=_ALARM_SECONDS)
            except LostPosition:
                log.info("reader.overtaken", service=self.group, stream=self.stream)
            except Exception as error:
                self.problem = f"{type(error).__name__}"
                log.warning("reader.failed", service=self.group, stream=self.stream, error=told(error))
                await wait_any(stopping, timeout=backoff.next())

    def _alarm(self, why: str | None) -> None:
        self.problem = why
        STOPPED.labels(self.group, self.stream).set(0 if why is None else 1)

    async def _follow(self, stopping: asyncio.Event, backoff: Backoff) -> None:
        if self._turn is not None:
            await self._read(self._turn, stopping, backoff)
            return
        async with self.database.session() as connection:
            await self._take_back(connection)
            if await self._leased(connection, stopping):
                await self._read(lambda: nullcontext(connection), stopping, backoff)

    async def _read(self, turn: Turn, stopping: asyncio.Event, backoff: Backoff) -> None:
        async with turn() as connection:
            await self._take_back(connection)
            position = await self._stand(connection)
        async with self._feed(position.seq + 1, stopping) as feed:
            self._alarm(None)
            seq = position.seq
            while not stopping.is_set():
                messages = await feed.next(self.database.takeover / 4)
                if messages:
                    async with turn() as connection:
                        seq = await self._take(connection, seq, messages)
                    backoff.reset()
                elif self._turn is None:
                    await connection.execute("SELECT 1")

    async def _leased(self, connection: "Connection", stopping: asyncio.Event) -> bool:
        """Wait for this group's turn at the stream; False when told to stop meanwhile."""
        if not self._lease:
            return not stopping.is_set()
        name = f"reader {self.database.schema} {self.group} {self.stream}"
        return await leased(connection, name, stopping, self.rest)

    def rest(self) -> None:
        """Another one may read: there is nothing wrong here."""
        self.problem = None

    @asynccontextmanager
    async def _feed(self, start: int, stopping: asyncio.Event) -> AsyncIterator[Feed]:
        feed = await Feed.open(self.bus, self.stream, start)

        async def interrupt() -> None:
            await stopping.wait()
            feed.interrupt()

        watch = asyncio.create_task(interrupt())
        try:
            yield feed
        finally:
            watch.cancel()
            await feed.close()

    async def _stand(self, connection: "Connection") -> Position:
        """The committed position, checked against the stream. Raises StreamLost."""
        state = await stream_state(self.bus, self.stream)
        position = await self.positions.read(connection)
        if position is None:
            begin = Position(max(0, state.first_seq - 1), state.created, None)
            await self.positions.begin(connection, begin)
            position = await self.positions.read(connection) or begin
        await self._recognise(position, state)
        await self._check_missing(connection, position.seq, state.first_seq)
        return position

    async def _recognise(self, position: Position, state: StreamState) -> None:
        if position.stream_created != state.created:
            raise StreamLost(
                f"{self.stream} was made anew at {state.created}; the position counts in the one of"
                f" {position.stream_created}. Run `leadwire reader skip`, then `leadwire reader refill`."
            )
        if position.seq > state.last_seq:
            raise StreamLost(
                f"{self.stream} ends at {state.last_seq}, before the position {position.seq}:"
                " it lost facts. Run `leadwire reader skip`, then `leadwire reader refill`."
            )
        found = await id_at(self.bus, self.stream, position.seq) if position.last_event_id else None
        if found is not None and found != position.last_event_id:
            raise StreamLost(
                f"{self.stream} holds another event at {position.seq} than was read there."
                " Run `leadwire reader skip`, then `leadwire reader refill`."
            )

    async def _check_missing(self, connection: "Connection", seq: int, next_seq: int) -> None:
        """Facts between the position and the next one must be erased on purpose."""
        missing = next_seq - seq - 1
        if missing <= 0:
            return
        erased = await self.positions.erased(connection, seq + 1, next_seq - 1)
        if erased < missing:
            raise StreamLost(
                f"{self.stream} no longer holds {seq + 1} to {next_seq - 1}, never read."
                f" Pass over them: leadwire reader skip {self.group} {self.stream}"
                f" --to {next_seq - 1} --reason ... and let their owner publish them again:"
                " leadwire reader refill"
            )

    async def _take(self, connection: "Connection", seq: int, messages: Sequence[RawMessage]) -> int:
        for before, message in zip([seq, *(m.seq for m in messages)], messages, strict=False):
            if message.seq != before + 1:
                await self._check_missing(connection, before, message.seq)
        if self._careful:
            for message in messages:
                await self._take_carefully(connection, seq, message)
                seq = message.seq
            self._careful = False
        else:
            await self._batches.apply(connection, seq, messages)
            seq = messages[-1].seq
        POSITION.labels(self.group, self.stream).set(seq)
        return seq

    async def _take_carefully(self, connection: "Connection", seq: int, message: RawMessage) -> None:
        """The first batch after a start: attempts are counted before, so that a fact that kills
        the process is found out.
        """
        self._counted = message.seq
        count = await self.positions.count_attempt(connection, seq, message.seq)
        if count == 0:
            self._counted = None
            raise LostPosition(f"{self.group} no longer stands at {seq} in {self.stream}")
        if count > _DEADLY_ATTEMPTS:
            why = f"handling it ended the process {_DEADLY_ATTEMPTS} times"
            await self._batches.park(connection, seq, message, why)
        else:
            await self._batches.apply(connection, seq, [message])
        await self.positions.forget_attempts(connection, message.seq)
        self._counted = None

    async def _take_back(self, connection: "Connection") -> None:
        """An attempt that this process has outlived, the database being away, counts for nothing."""
        if self._counted is not None:
            await self.positions.take_back_attempt(connection, self._counted)
            self._counted = None
