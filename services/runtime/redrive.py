"""Brings parked facts back: by timer, or when a person says so. Always from the head of a key."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from services.runtime import parked
from services.runtime.cause import Cause
from services.runtime.clock import Clock
from services.runtime.database import Database, is_transient
from services.runtime.errors import Ignored, Permanent
from services.runtime.facts import Facts
from services.runtime.inbox import Inbox, NoInbox
from services.runtime.parked import Parked
from services.runtime.patience import Backoff, wait_any
from services.runtime.positions import Positions
from services.runtime.received import Received
from services.runtime.work import Work

if TYPE_CHECKING:
    from services.runtime.database import Connection

log = structlog.get_logger()
_POLL_SECONDS = 1.0


class Redrive:
    """Retries, redrives and discards for one service, over all the streams it reads.

    Each step locks the position row of its stream first, so that the reader neither passes nor
    overtakes what is being brought back.
    """

    def __init__(
        self,
        database: Database,
        group: str,
        streams: Mapping[str, Facts],
        clock: Clock,
        wake: asyncio.Event,
        committed: Callable[[Work], None],
        *,
        positions: Callable[[str, str], Positions] = Positions,
    ) -> None:
        self.database = database
        self.group = group
        self.streams = streams
        self.clock = clock
        self.wake = wake
        self.committed = committed
        self._positions = positions

    async def run(self, stopping: asyncio.Event) -> None:
        """Retry what is due until told to stop."""
        backoff = Backoff()
        while not stopping.is_set():
            self.wake.clear()
            try:
                pause = await self._round()
                backoff.reset()
            except Exception as error:
                log.warning("redrive.failed", service=self.group, error=type(error).__name__)
                pause = backoff.next()
            await wait_any(stopping, self.wake, timeout=pause)

    async def _round(self) -> float:
        """Drive every due key; seconds until the next look."""
        async with self.database.pool.acquire() as connection:
            due = await parked.next_try(connection, self.group)
            if due is not None and due <= self.clock.now():
                for stream, key in await parked.due_keys(connection, self.group, self.clock.now()):
                    if stream in self.streams:
                        await self.drive(connection, stream, key)
                due = await parked.next_try(connection, self.group)
        if due is None:
            return _POLL_SECONDS
        return min(_POLL_SECONDS, max(0.005, (due - self.clock.now()).total_seconds()))

    async def redrive(self, row_id: int) -> bool:
        """Try a parked fact and all of its key before it, now. False when it is not parked.

        What fails again stays parked with the new reason.
        """
        async with self.database.pool.acquire() as connection:
            row = await parked.show(connection, self.group, row_id)
            if row is None:
                return False
            await self.drive(connection, row["stream"], row["key"])
        return True

    async def discard(self, row_id: int, reason: str | None = None) -> bool:
        """Give a parked fact up for good, then bring on what waited behind it. False when it is not parked.

        The reason goes into the journal with it.
        """
        async with self.database.pool.acquire() as connection:
            row = await parked.show(connection, self.group, row_id)
            if row is None:
                return False
            async with connection.transaction():
                await self._positions(row["stream"], self.group).lock(connection)
                current = await parked.show(connection, self.group, row_id)
                if current is None:
                    return False
                inbox = self._inbox(row["stream"])
                if not await inbox.seen(connection, [row["event_id"]]):
                    await inbox.mark(connection, [row["event_id"]])
                await parked.remove(connection, row, self.clock.now())
                work = self._work(connection, _cause(row))
                did = f"gave up {row['type']} on request"
                work.note(f"{did}: {reason}" if reason else did, names=[row["event_id"]])
                await work.flush()
        self.wake.set()
        return True

    async def drive(self, connection: "Connection", stream: str, key: str) -> None:
        """Apply the parked facts of a key from its head on, until one fails or none is left."""
        while head := await Parked(stream, self.group).head(connection, key):
            await parked.reserve_try(connection, head, self.clock.now())
            if not await self._drive_head(connection, stream, key):
                return

    async def _drive_head(self, connection: "Connection", stream: str, key: str) -> bool:
        """One fact, one transaction; whether the key may go on."""
        async with connection.transaction():
            await self._positions(stream, self.group).lock(connection)
            row = await Parked(stream, self.group).head(connection, key)
            if row is None:
                return False
            work = self._work(connection, _cause(row))
            passed = await self._apply(connection, row, work)
        if passed:
            self.committed(work)
        return passed

    async def _apply(self, connection: "Connection", row: Mapping[str, Any], work: Work) -> bool:
        event_id, inbox = row["event_id"], self._inbox(row["stream"])
        if await inbox.seen(connection, [event_id]):
            await parked.remove(connection, row, self.clock.now())
            return True
        try:
            async with connection.transaction():
                await self._handle(row, work)
                await work.flush()
        except Ignored:
            pass
        except Exception as error:
            if is_transient(error):
                raise
            verdict = parked.judge(error, self.clock.now(), row["attempts"])
            await parked.keep(connection, row["id"], verdict)
            return False
        await inbox.mark(connection, [event_id])
        await parked.remove(connection, row, self.clock.now())
        return True

    async def _handle(self, row: Mapping[str, Any], work: Work) -> None:
        facts = self.streams[row["stream"]]
        message = parked.message_of(row)
        fact: Received[Any] = facts.decoder()(message)
        if fact.broken:
            raise Permanent(fact.broken)
        await facts.handle([fact], work)

    def _inbox(self, stream: str) -> Inbox:
        facts = self.streams.get(stream)
        return Inbox(self.group) if facts is None or facts.inbox else NoInbox(self.group)

    def _work(self, connection: "Connection", cause: Cause) -> Work:
        return Work(connection, group=self.group, now=self.clock.now(), cause=cause)


def _cause(row: Mapping[str, Any]) -> Cause:
    return Cause(row["event_id"], row["correlation"], row["headers"].get("traceparent"))
