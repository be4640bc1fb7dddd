"""Carries messages: claims what its connections can carry at once, hands it over, remembers the outcomes."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import structlog

from services.notifications.delivery.ledger import Ledger, Settling
from services.notifications.delivery.legacies import left_behind
from services.notifications.delivery.line import Line, Parcel
from services.notifications.delivery.lines import Lines
from services.notifications.delivery.logbook import Logbook
from services.notifications.delivery.pace import Pace
from services.notifications.delivery.writer import CannotRender
from services.notifications.domain.legacy import Legacy
from services.notifications.domain.settlement import Result
from services.notifications.usecases.claim import Claimed
from services.runtime.clock import Clock
from services.runtime.patience import Backoff, wait_any

log = structlog.get_logger()
POLL_SECONDS = 1.0
# A letter whose turn comes later than this after its claim, the server being slow, is asked about anew.
STALE_SECONDS = 1.0
# What is not finished and written by then becomes `unknown` when its lease ends.
_PATIENCE_SECONDS = 15
# A wake-up may come a moment before the commit it tells of.
_LOOK_AGAIN = (0.005, 0.01, 0.02, 0.05, 0.1)


Noting = Callable[[Sequence[Claimed]], None]


class Desk(Settling, Protocol):
    """What the courier asks of the database; each is one transaction."""

    async def due(self, most: int) -> int:
        """How many messages could go out now."""
        ...

    async def claim(self, most: int, noting: Noting) -> list[Claimed]:
        """Take messages through the gate; those returned are noted, then marked as sending by us."""
        ...

    async def take_back(self, own: Collection[UUID]) -> int:
        """Put back what was claimed for us and is not among our `own`; how many messages."""
        ...

    async def inherit(self, legacy: Legacy) -> Counter[str]:
        """Settle what a sender that is gone left behind; how many letters, by result."""
        ...

    async def sweep(self, own: Collection[UUID], heard: Collection[UUID] = ()) -> int:
        """Deal with messages that nobody will; `own` are in our hands, of `heard` senders we have notes."""
        ...


Write = Callable[[Claimed], Awaitable[Parcel]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A claimed letter, and until when (monotonic) what the gate saw may be relied upon."""

    claimed: Claimed
    until: float


class Courier:
    """One per process. `wake` says that there is something to send."""

    def __init__(self, lines: Lines, write: Write, clock: Clock, *, lease: timedelta, book: Logbook) -> None:
        self.lines = lines
        self.wake = asyncio.Event()
        self.ledger = Ledger(clock.now, self.wake.set, book)
        self._book = book
        self._write = write
        self._lease = lease
        self._letters: deque[_Waiting] = deque()
        self._pace = Pace()
        self._low = asyncio.Event()
        self._unheard = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, desk: Desk, stopping: asyncio.Event) -> None:
        """Carry messages until told to stop, then finish and record those on the wire."""
        done = asyncio.Event()
        self._book.begin()
        recorder = asyncio.create_task(self.ledger.write(desk, done))
        sweeper = asyncio.create_task(self._sweep(desk, stopping))
        try:
            await self._carry_on(desk, stopping)
        finally:
            await self._finish()
            done.set()
            sweeper.cancel()
            _, late = await asyncio.wait({recorder, sweeper}, timeout=_PATIENCE_SECONDS)
            for task in late:
                task.cancel()
            self._book.end(len(self.ledger.in_hand))
            await self.lines.close()

    async def _carry_on(self, desk: Desk, stopping: asyncio.Event) -> None:
        backoff = Backoff(first=0.2, longest=5)
        while not stopping.is_set():
            self.wake.clear()
            self._low.clear()
            try:
                if not await self._round(desk):
                    await self._rest(desk, stopping)
                backoff.reset()
            except Exception as error:
                log.warning("courier.failed", error=type(error).__name__)
                await wait_any(stopping, timeout=backoff.next())

    async def _round(self, desk: Desk) -> bool:
        """Claim and start what can be started; False when there is nothing to do just now."""
        ahead = self._pace.ahead
        if self._tasks and len(self._letters) > len(self._tasks) * ahead // 2:
            return False
        lines = await self._more_lines(desk)
        try:
            room = (len(lines) + len(self._tasks)) * ahead - len(self._letters)
            claimed = await self._claim(desk, room) if room > 0 else []
        except BaseException:
            for line in lines:
                await self.lines.give_back(line)
            raise
        self.ledger.take_in(claimed)
        until = time.monotonic() + STALE_SECONDS
        self._letters.extend(_Waiting(one, until) for one in claimed)
        await self._set_to_work(lines)
        return bool(claimed)

    async def _claim(self, desk: Desk, most: int) -> list[Claimed]:
        if self._unheard:
            # The last claim may have been committed all the same. Nothing of it is under way.
            await desk.take_back(self.ledger.in_hand)
        begun = time.perf_counter()
        self._unheard = True
        claimed = await desk.claim(most, self.ledger.claiming)
        self._unheard = False
        self._pace.claimed(time.perf_counter() - begun)
        return claimed

    async def _set_to_work(self, lines: list[Line]) -> None:
        """Start as many connections as there are letters for them."""
        if self._letters and not lines and not self._tasks:
            # Those that were at work ran out of letters while we claimed more.
            lines = await self.lines.take(len(self._letters))
        needed = min(len(lines), len(self._letters))
        for line in lines[:needed]:
            self._start(line)
        for line in lines[needed:]:
            await self.lines.give_back(line)
        if not self._tasks:
            self._put_back()

    async def _more_lines(self, desk: Desk) -> list[Line]:
        """Connections that nobody uses, opened if need be: as many as there are messages for them."""
        wanted = self.lines.free
        if self.lines.standing < wanted:
            wanted = await desk.due(wanted)
        return await self.lines.take(wanted) if wanted else []

    def _start(self, line: Line) -> None:
        task = asyncio.create_task(self._work_off(line))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._put_back()
        self._low.set()

    def _put_back(self) -> None:
        """Nobody is left to carry these."""
        while self._letters:
            waiting = self._letters.popleft()
            self.ledger.over(waiting.claimed, "untried", "no connection was left for it")

    async def _rest(self, desk: Desk, stopping: asyncio.Event) -> None:
        """Sleep until there is work. A slow poll catches what nobody told us of."""
        if self._tasks:
            await wait_any(self._low, self.wake, stopping, timeout=POLL_SECONDS)
            return
        if not await wait_any(self.wake, stopping, timeout=max(POLL_SECONDS, self.lines.retry_in)):
            await self.lines.tidy()
            return
        for pause in _LOOK_AGAIN:
            if stopping.is_set() or await desk.due(1):
                return
            await asyncio.sleep(pause)

    async def _work_off(self, line: Line) -> None:
        """Carry letters, one after the other, while there are any and the connection is good."""
        try:
            while self._letters and line.usable and line.carried < self.lines.most_letters:
                await self._deliver(self._letters.popleft(), line)
                if len(self._letters) <= len(self._tasks) * self._pace.ahead // 2:
                    self._low.set()
        finally:
            await self.lines.give_back(line)

    async def _deliver(self, waiting: _Waiting, line: Line) -> None:
        claimed = waiting.claimed
        if time.monotonic() > waiting.until or not self.ledger.may_start(claimed):
            self.ledger.over(claimed, "untried", "taken back before it left")
            return
        begun = time.perf_counter()
        result, detail = await self._attempt(claimed, line)
        self._pace.carried(time.perf_counter() - begun)
        self.ledger.over(claimed, result, detail)

    async def _attempt(self, claimed: Claimed, line: Line) -> tuple[Result, str]:
        try:
            parcel = await self._write(claimed)
        except CannotRender as error:
            return "render_failed", str(error)
        except Exception as error:
            # Such as the bus being away while an older set of definitions is needed.
            log.warning("letter.unwritten", message=str(claimed.message.id), error=type(error).__name__)
            return "deferred", f"could not be written: {type(error).__name__}"
        outcome = await line.carry(parcel, lambda: self.ledger.about_to_end(claimed))
        return outcome.kind, outcome.detail

    async def _sweep(self, desk: Desk, stopping: asyncio.Event) -> None:
        """Look after messages of senders gone silent, and those whose time passes while none can go."""
        pause = min(5.0, max(0.05, self._lease.total_seconds() / 4))
        while not stopping.is_set():
            try:
                settled, heard = await self._inherit(desk)
                if settled + await desk.sweep(self.ledger.in_hand, heard):
                    self.wake.set()
            except Exception as error:
                log.warning("sweep.failed", error=type(error).__name__)
            await wait_any(stopping, timeout=pause)

    async def _inherit(self, desk: Desk) -> tuple[int, set[UUID]]:
        """Take over from processes that are gone, before their letters are called unknown.

        How many were settled, and whose notes are at hand: a claim of theirs that commits from now on
        is for the next round, which reads the notes again, not for the clock.
        """
        settled, heard = Counter[str](), set[UUID]()
        try:
            for left in left_behind(self._book.folder, self._book.boot):
                with left.opened() as legacy:
                    if legacy is not None:
                        settled += await desk.inherit(legacy)
                        heard.add(legacy.owner)
                        left.settled(self._lease.total_seconds())
        except OSError as error:
            # Then their leases end, as without a logbook.
            log.warning("logbooks.left", reason=error.strerror)
        if settled:
            log.info("letters.inherited", **settled)
        return settled.total(), heard

    async def _finish(self) -> None:
        """Let what is on the wire arrive: its outcome is the point of it all."""
        self._put_back()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_PATIENCE_SECONDS)
            for task in late:
                task.cancel()
