"""Publishing to one stream for many at once: what comes while the last lot is under way is the next lot.

A large lot is one atomic batch (NATS ADR-50): one commit and one sync to disk instead of one for each
message. Nobody is told that a message is stored before the acknowledgement of that message, or of the
batch it was in. A batch that is refused, or not answered, is published again one by one with the same
ids; the stream drops what it has already.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter

from services.runtime.publishing import (
    BATCHES_DISABLED,
    MESSAGE_ID,
    BatchRefused,
    BusUnavailable,
    PublishRefused,
)

if TYPE_CHECKING:
    from services.runtime.bus import Bus

log = structlog.get_logger()
LOTS = Counter("leadwire_bus_lots_total", "Lots published to a stream.", ["stream", "how"])

# Below this a batch costs the server more than so many single messages (measured: 8 to 16).
FEWEST = 8
MOST = 200
MOST_BYTES = 2 * 1024 * 1024
# So long the next lot may wait for senders who were just answered and come again.
_GATHER_SECONDS = 0.003
# A lot that takes longer no longer holds the next one up.
_PATIENCE_SECONDS = 0.05
_MOST_UNDER_WAY = 8
_BATCH_SECONDS = 1.5
_REMEMBERED = 10_000
_WITHOUT_BATCHES_SECONDS = 60.0


@dataclass(slots=True)
class Entry:
    """One message, and those who wait for it. `deadline` is by the loop's clock."""

    subject: str
    body: bytes
    headers: Mapping[str, str]
    deadline: float
    heard: "list[asyncio.Future[bool]]" = field(default_factory=list)

    @property
    def id(self) -> str:
        """By which the stream knows a repeat."""
        return self.headers[MESSAGE_ID]

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits."""
        return any(not one.done() for one in self.heard)

    def stored(self, repeated: bool) -> None:
        """Tell all; to everyone but the first it is a repeat."""
        for number, one in enumerate(self.heard):
            if not one.done():
                one.set_result(repeated or number > 0)

    def failed(self, error: Exception) -> None:
        """Tell all."""
        for one in self.heard:
            if not one.done():
                one.set_exception(error)


def _come(enough: "asyncio.Future[None]") -> None:
    if not enough.done():
        enough.set_result(None)


def _give_up(heard: "asyncio.Future[bool]", error: Exception) -> None:
    if not heard.done():
        heard.set_exception(error)


class Lots:
    """Everything that one process publishes to one stream in this way."""

    def __init__(self, bus: "Bus", stream: str) -> None:
        self._bus = bus
        self._stream = stream
        self._waiting: dict[str, Entry] = {}
        # Ids that are under way or stored, the oldest first: they are no good in a batch.
        self._known: dict[str, None] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._pump: asyncio.Task[None] | None = None
        self._singly_until = 0.0
        self._crowd = 0
        self._wanted = 0
        self._enough: asyncio.Future[None] | None = None

    async def publish(self, subject: str, body: bytes, headers: Mapping[str, str], timeout: float) -> bool:
        """Return once the message is on disk; whether the stream had it already.

        `headers` hold the message id. Raises BusUnavailable after `timeout` seconds, PublishRefused.
        """
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[bool] = loop.create_future()
        entry = self._waiting.get(headers[MESSAGE_ID])
        if entry is None:
            entry = Entry(subject, body, headers, loop.time() + timeout)
            self._waiting[entry.id] = entry
        entry.heard.append(heard)
        if self._pump is None:
            self._pump = asyncio.create_task(self._run())
        if self._enough is not None and len(self._waiting) >= self._wanted and not self._enough.done():
            self._enough.set_result(None)
        late = BusUnavailable(f"{self._stream} did not acknowledge within {timeout} s")
        # As asyncio.timeout, for a third of its cost.
        timer = loop.call_later(timeout, _give_up, heard, late)
        try:
            return await heard
        finally:
            timer.cancel()

    async def close(self) -> None:
        """Give up what is under way; whoever waits is told that the bus is not available."""
        tasks = [*self._under_way, *([self._pump] if self._pump else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for entry in self._waiting.values():
            entry.failed(BusUnavailable("the connection to the bus is closed"))
        self._waiting.clear()

    async def _run(self) -> None:
        try:
            while self._waiting:
                # Whatever has arrived by now comes along.
                await asyncio.sleep(0)
                await self._gather()
                while len(self._under_way) >= _MOST_UNDER_WAY:
                    await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                sending = asyncio.create_task(self._send(self._next()))
                self._under_way.add(sending)
                sending.add_done_callback(self._under_way.discard)
                await asyncio.wait([sending], timeout=_PATIENCE_SECONDS)
        finally:
            self._pump = None
            self._crowd = 0

    async def _gather(self) -> None:
        """Let those come along who were answered a moment ago, while there is a crowd.

        A batch costs the server the same whatever it holds. Otherwise a crowd falls into small lots
        that follow each other, and stays so.
        """
        self._wanted = self._crowd * 3 // 4
        if self._wanted < 2 * FEWEST or len(self._waiting) >= self._wanted:
            return
        loop = asyncio.get_running_loop()
        self._enough = loop.create_future()
        timer = loop.call_later(_GATHER_SECONDS, _come, self._enough)
        try:
            await self._enough
        finally:
            timer.cancel()
            self._enough = None

    def _next(self) -> list[Entry]:
        """The oldest of those that wait, in order, without those that nobody waits for any more."""
        lot: list[Entry] = []
        size = 0
        for entry in self._waiting.values():
            size += len(entry.body)
            if lot and (len(lot) >= MOST or size > MOST_BYTES):
                break
            lot.append(entry)
        for entry in lot:
            del self._waiting[entry.id]
        return [entry for entry in lot if entry.wanted]

    async def _send(self, lot: Sequence[Entry]) -> None:
        try:
            fresh = [entry for entry in lot if entry.id not in self._known]
            self._remember(fresh)
            together = len(fresh) >= FEWEST and await self._together(fresh)
            done = {entry.id for entry in fresh} if together else frozenset()
            await asyncio.gather(*(self._alone(entry) for entry in lot if entry.id not in done))
            # Nobody who was just answered has come again yet.
            self._crowd = len(lot) + len(self._waiting)
        except BaseException:
            for entry in lot:
                entry.failed(BusUnavailable("publishing was given up"))
            raise

    async def _together(self, lot: Sequence[Entry]) -> bool:
        """One commit. False when it is not known to have happened."""
        now = asyncio.get_running_loop().time()
        if now < self._singly_until:
            return False
        hurried = min(entry.deadline for entry in lot) - now
        try:
            # Whatever comes of it, there is time left to try one by one.
            await self._bus.publish_batch(self._stream, lot, timeout=min(_BATCH_SECONDS, hurried / 2))
        except BatchRefused as refused:
            LOTS.labels(self._stream, "refused").inc()
            if refused.code == BATCHES_DISABLED:
                log.warning("bus.no_batches", stream=self._stream, code=refused.code)
                self._singly_until = now + _WITHOUT_BATCHES_SECONDS
            return False
        LOTS.labels(self._stream, "batch").inc()
        for entry in lot:
            entry.stored(repeated=False)
        return True

    async def _alone(self, entry: Entry) -> None:
        left = entry.deadline - asyncio.get_running_loop().time()
        try:
            kept = await self._bus.publish(
                self._stream, entry.subject, entry.body, entry.headers, timeout=max(0.0, left)
            )
        except (BusUnavailable, PublishRefused) as error:
            entry.failed(error)
        else:
            entry.stored(bool(kept.duplicate))

    def _remember(self, lot: Sequence[Entry]) -> None:
        self._known.update((entry.id, None) for entry in lot)
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
