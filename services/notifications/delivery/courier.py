"""Carries messages: claims as many as there are open connections, hands them over, records the outcomes.

An outcome that cannot be written, because the database is away, is kept here and written when it is back;
until then its message is nobody else's business in this process.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import structlog

from services.notifications.delivery.line import Line, Parcel
from services.notifications.delivery.lines import Lines
from services.notifications.delivery.writer import CannotRender
from services.notifications.domain.settlement import Attempt, Result
from services.notifications.usecases.claim import Claimed
from services.runtime.clock import Clock
from services.runtime.patience import Backoff, wait_any

log = structlog.get_logger()
POLL_SECONDS = 1.0
_PATIENCE_SECONDS = 15
# A wake-up may come a moment before the commit it tells of.
_LOOK_AGAIN = (0.005, 0.01, 0.02, 0.05, 0.1)


class Desk(Protocol):
    """What the courier asks of the database; each is one transaction."""

    async def due(self, most: int) -> int:
        """How many messages could go out now."""
        ...

    async def claim(self, most: int) -> list[Claimed]:
        """Take messages over the gate; those returned are marked as sending by us."""
        ...

    async def settle(self, attempts: Sequence[Attempt]) -> bool:
        """Write what became of attempts; whether their enrolments have messages waiting."""
        ...

    async def sweep(self, own: Collection[UUID]) -> int:
        """Deal with messages that nobody will; `own` are in our hands."""
        ...


Write = Callable[[Claimed], Awaitable[Parcel]]


class Courier:
    """One per process. Its memory of outcomes outlives a failing loop."""

    def __init__(self, lines: Lines, write: Write, clock: Clock, *, lease: timedelta) -> None:
        self.lines = lines
        self.wake = asyncio.Event()
        self._write = write
        self._clock = clock
        self._lease = lease
        self._carried: list[Attempt] = []
        self._in_hand: dict[UUID, Claimed] = {}
        self._settled = asyncio.Event()
        self._free = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def in_hand(self) -> int:
        """Messages that were started here and whose outcome is not written yet."""
        return len(self._in_hand)

    async def run(self, desk: Desk, stopping: asyncio.Event) -> None:
        """Carry messages until told to stop, then finish and record those on the wire."""
        done = asyncio.Event()
        recorder = asyncio.create_task(self._record(desk, done))
        sweeper = asyncio.create_task(self._sweep(desk, stopping))
        try:
            await self._carry_on(desk, stopping)
            await self._finish()
        finally:
            done.set()
            sweeper.cancel()
            _, late = await asyncio.wait({recorder, sweeper}, timeout=_PATIENCE_SECONDS)
            for task in late:
                # What is not written down becomes `unknown` when its lease ends.
                task.cancel()
            await self.lines.close()

    async def _carry_on(self, desk: Desk, stopping: asyncio.Event) -> None:
        backoff = Backoff(first=0.2, longest=15)
        while not stopping.is_set():
            self.wake.clear()
            self._free.clear()
            try:
                worked = await self._round(desk)
                if not worked and not self.lines.problem:
                    await self._idle(desk, stopping)
            except Exception as error:
                log.warning("courier.failed", error=type(error).__name__)
                await wait_any(stopping, timeout=backoff.next())
                continue
            if self.lines.problem:
                await wait_any(stopping, timeout=backoff.next())
            else:
                backoff.reset()

    async def _round(self, desk: Desk) -> bool:
        """Start what can be started; False when there is nothing to do just now."""
        if self.lines.free == 0:
            return False
        wanted = self.lines.free
        if self.lines.standing < wanted:
            wanted = await desk.due(wanted)
        lines = await self.lines.take(wanted) if wanted else []
        if not lines:
            return False
        claimed: list[Claimed] = []
        try:
            claimed = await desk.claim(len(lines))
        finally:
            for line in lines[len(claimed) :]:
                await self.lines.give_back(line)
        for message, line in zip(claimed, lines, strict=False):
            self._start(message, line)
        return bool(claimed)

    async def _idle(self, desk: Desk, stopping: asyncio.Event) -> None:
        """Sleep until there is work. A slow poll catches what nobody told us of."""
        if self.lines.free == 0:
            await wait_any(self._free, stopping)
            return
        if not await wait_any(self.wake, stopping, timeout=POLL_SECONDS):
            await self.lines.tidy()
            return
        for pause in _LOOK_AGAIN:
            if stopping.is_set() or await desk.due(1):
                return
            await asyncio.sleep(pause)

    def _start(self, claimed: Claimed, line: Line) -> None:
        self._in_hand[claimed.message.id] = claimed
        task = asyncio.create_task(self._deliver(claimed, line))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, claimed: Claimed, line: Line) -> None:
        result, detail = await self._attempt(claimed, line)
        self._carried.append(Attempt(claimed.message.id, claimed.attempt, result, detail, self._clock.now()))
        self._settled.set()
        await self.lines.give_back(line)
        self._free.set()

    async def _attempt(self, claimed: Claimed, line: Line) -> tuple[Result, str]:
        try:
            parcel = await self._write(claimed)
        except CannotRender as error:
            return "render_failed", str(error)
        except Exception as error:
            # Such as the bus being away while an older set of definitions is needed.
            log.warning("letter.unwritten", message=str(claimed.message.id), error=type(error).__name__)
            return "deferred", f"could not be written: {type(error).__name__}"
        outcome = await line.carry(parcel)
        return outcome.kind, outcome.detail

    async def _record(self, desk: Desk, done: asyncio.Event) -> None:
        """Write outcomes as they come, many at a time; while the database is away, keep them."""
        backoff = Backoff(first=0.05, longest=2)
        while self._carried or self._tasks or not done.is_set():
            self._settled.clear()
            try:
                if batch := list(self._carried):
                    await self._write_down(desk, batch)
                backoff.reset()
            except Exception as error:
                log.warning("outcomes.kept", count=len(self._carried), error=type(error).__name__)
                await asyncio.sleep(backoff.next())
                continue
            if not self._carried:
                await wait_any(self._settled, *([] if done.is_set() else [done]), timeout=POLL_SECONDS)

    async def _write_down(self, desk: Desk, batch: Sequence[Attempt]) -> None:
        if await desk.settle(batch):
            self.wake.set()
        del self._carried[: len(batch)]
        for attempt in batch:
            self._in_hand.pop(attempt.message_id, None)

    async def _sweep(self, desk: Desk, stopping: asyncio.Event) -> None:
        """Look after messages of senders gone silent, and those whose time passes while none can go."""
        pause = min(5.0, max(0.05, self._lease.total_seconds() / 4))
        while not stopping.is_set():
            try:
                if await desk.sweep(list(self._in_hand)):
                    self.wake.set()
            except Exception as error:
                log.warning("sweep.failed", error=type(error).__name__)
            await wait_any(stopping, timeout=pause)

    async def _finish(self) -> None:
        """Let what is on the wire arrive: its outcome is the point of it all."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_PATIENCE_SECONDS)
            for task in late:
                task.cancel()
