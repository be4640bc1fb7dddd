"""What this process has claimed, what of it is on the wire, and outcomes until they are written.

An outcome that cannot be written, because the database is away, is kept and written when it is back; until
then its message is nobody else's business in this process.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import structlog

from services.notifications.delivery.logbook import Logbook
from services.notifications.domain.settlement import Attempt, Result
from services.notifications.usecases.claim import Claimed
from services.runtime.patience import Backoff, wait_any

log = structlog.get_logger()
_LOOK_SECONDS = 1.0
_GATHER_SECONDS = 0.02


class Settling(Protocol):
    """Who writes outcomes down."""

    async def settle(self, attempts: Sequence[Attempt]) -> bool:
        """Write what became of attempts; whether their enrolments have messages waiting."""
        ...


class Ledger:
    """The memory of a courier; it outlives a failing loop. `waiting` is called when there is more to send."""

    def __init__(self, now: Callable[[], datetime], waiting: Callable[[], None], book: Logbook) -> None:
        self._now = now
        self._waiting = waiting
        self._book = book
        self._in_hand: dict[UUID, Claimed] = {}
        self._on_wire: set[UUID] = set()
        self._withdrawn: set[UUID] = set()
        self._carried: list[Attempt] = []
        self._news = asyncio.Event()

    @property
    def in_hand(self) -> list[UUID]:
        """Messages that were claimed here and whose outcome is not written yet."""
        return list(self._in_hand)

    def claiming(self, claimed: Sequence[Claimed]) -> None:
        """These become ours when the transaction under way commits. Raises CannotNote: then it must not."""
        self._book.claiming([(one.message.id, one.attempt) for one in claimed])

    def take_in(self, claimed: Iterable[Claimed]) -> None:
        """From now on these are our business."""
        self._in_hand |= {one.message.id: one for one in claimed}

    def may_start(self, claimed: Claimed) -> bool:
        """Whether it may go on the wire now; False when it was withdrawn in the meantime."""
        if claimed.message.id in self._withdrawn:
            return False
        self._on_wire.add(claimed.message.id)
        return True

    def withdraw(self, contacts: Collection[UUID]) -> None:
        """Do not start letters to these contacts that are claimed but not on the wire yet."""
        for id, claimed in self._in_hand.items():
            if claimed.contact.id in contacts and id not in self._on_wire:
                self._withdrawn.add(id)

    def about_to_end(self, claimed: Claimed) -> None:
        """Its final dot leaves next. Raises CannotNote: then it must not."""
        self._book.about_to_end(claimed.message.id, claimed.attempt)

    def over(self, claimed: Claimed, result: Result, detail: str) -> None:
        """Remember the outcome until it is written."""
        attempt = Attempt(claimed.message.id, claimed.attempt, result, detail, self._now())
        self._book.over(attempt)
        self._carried.append(attempt)
        self._news.set()

    async def write(self, desk: Settling, done: asyncio.Event) -> None:
        """Write outcomes as they come, many at a time, until done and none is left."""
        backoff = Backoff(first=0.05, longest=2)
        while self._carried or not done.is_set():
            self._news.clear()
            try:
                if batch := list(self._carried):
                    await self._write_down(desk, batch)
                backoff.reset()
            except Exception as error:
                log.warning("outcomes.kept", count=len(self._carried), error=type(error).__name__)
                await asyncio.sleep(backoff.next())
                continue
            # Letters are done one by one; noted together they cost less.
            await wait_any(done, timeout=_GATHER_SECONDS)
            if not self._carried:
                await wait_any(self._news, done, timeout=_LOOK_SECONDS)

    async def _write_down(self, desk: Settling, batch: Sequence[Attempt]) -> None:
        if await desk.settle(batch):
            self._waiting()
        del self._carried[: len(batch)]
        for attempt in batch:
            self._forget(attempt)
        self._book.written(batch, len(self._in_hand))

    def _forget(self, attempt: Attempt) -> None:
        """Unless it is ours again already: what was put back may have been claimed before we hear of it."""
        claimed = self._in_hand.get(attempt.message_id)
        if claimed is None or claimed.attempt != attempt.number:
            return
        del self._in_hand[attempt.message_id]
        self._on_wire.discard(attempt.message_id)
        self._withdrawn.discard(attempt.message_id)
