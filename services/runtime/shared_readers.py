"""Reads streams that come and go, however many, over two connections: the lease's and the turn's.

Every stream has a reader and a feed of its own, so that one that is lost stops alone. Their batches
take turns; between them a reader holds no connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from services.runtime.database import Database, told
from services.runtime.facts import Facts
from services.runtime.patience import Backoff, wait_any
from services.runtime.reader import Reader, Turn, leased

if TYPE_CHECKING:
    from services.runtime.database import Connection

log = structlog.get_logger()
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Varying:
    """Which streams there are to read now, and what is done with each."""

    streams: Callable[[], Collection[str]]
    facts: Callable[[str], Facts]


@dataclass
class _Seat:
    """A reader at work, and how it is told to end."""

    task: asyncio.Task[None]
    stop: asyncio.Event


class SharedReaders:
    """The readers of one service's varying streams. One replica at a time reads; the others wait."""

    def __init__(
        self, database: Database, group: str, varying: Varying, make: Callable[[Facts, Turn], Reader]
    ) -> None:
        self.database = database
        self.group = group
        self.varying = varying
        self.readers: dict[str, Reader] = {}
        self.facts: dict[str, Facts] = {}
        self._make = make
        self._seats: dict[str, _Seat] = {}
        # Whoever waits is served in order, so that a busy stream lets the others in between its batches.
        self._turns = asyncio.Semaphore(1)

    async def run(self, stopping: asyncio.Event) -> None:
        """Read until told to stop. A lost connection ends every reader, after its transaction."""
        backoff = Backoff()
        while not stopping.is_set():
            try:
                await self._settle()
                if self.readers:
                    await self._read_while_leased(stopping, backoff)
                else:
                    await wait_any(stopping, timeout=_LOOK_SECONDS)
            except Exception as error:
                log.warning("readers.failed", service=self.group, error=told(error))
                await wait_any(stopping, timeout=backoff.next())

    async def _settle(self) -> None:
        """Have a reader for each stream there is now, and for no other."""
        wanted = set(self.varying.streams())
        for stream in sorted(wanted - set(self.readers)):
            facts = self.facts.setdefault(stream, self.varying.facts(stream))
            self.readers[stream] = self._make(facts, self._turn)
            self.readers[stream].rest()
        gone = set(self.readers) - wanted
        await self._end(gone & set(self._seats))
        for stream in gone:
            del self.readers[stream]

    async def _read_while_leased(self, stopping: asyncio.Event, backoff: Backoff) -> None:
        async with self.database.session() as connection:
            if not await leased(connection, f"readers {self.database.schema} {self.group}", stopping):
                return
            backoff.reset()
            try:
                while not stopping.is_set():
                    await self._settle()
                    self._begin()
                    await connection.execute("SELECT 1")
                    await wait_any(stopping, timeout=_LOOK_SECONDS)
            finally:
                await self._end(list(self._seats))

    def _begin(self) -> None:
        """Set to work whoever does not."""
        for stream in set(self.readers) - set(self._seats):
            stop = asyncio.Event()
            task = asyncio.create_task(self.readers[stream].run(stop), name=f"{self.group}.reader {stream}")
            self._seats[stream] = _Seat(task, stop)

    async def _end(self, streams: Collection[str]) -> None:
        """Tell readers to stop and wait for them: a transaction is never cancelled."""
        for stream in streams:
            self._seats[stream].stop.set()
        for stream in streams:
            await self._seats.pop(stream).task
            self.readers[stream].rest()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator["Connection"]:
        async with self._turns, self.database.pool.acquire() as connection:
            yield connection
