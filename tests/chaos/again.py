"""Publishes facts and commands a second time, as relays do that were cut off before they heard back."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import nats.errors
from nats.aio.msg import Msg

from services.runtime.bus import Bus
from services.runtime.feed import Feed, FeedBroken
from tests.chaos.bus import BusAddress
from tests.chaos.settle import SCHEMAS

_SHARE = 0.03
_PAUSE = (0.3, 5.0)
_OURS = "Chaos-Again"
_BATCH = "Nats-Batch-Id"
_NOT_OURS_TO_SAY = ("Nats-Batch", "Nats-Expected")
_LOOK_SECONDS = 5.0


class Again:
    """Keeps some of what services have published and says it again a while later.

    A second time is only after a first: what a stream does not hold may never come to be stored, or only
    behind what its relay has yet to say, and whoever hears it now hears it out of its order.
    """

    def __init__(self, bus: Bus, chance: random.Random, share: float = _SHARE) -> None:
        self._bus = bus
        self._chance = chance
        self._share = share
        self._tasks: set[asyncio.Task[None]] = set()
        self.said = 0

    async def follow(self, stream: str) -> None:
        """Read what is stored there until cancelled, whatever breaks meanwhile."""
        seq = 0
        while True:
            with suppress(FeedBroken, nats.errors.Error, OSError, TimeoutError):
                feed = await Feed.open(self._bus, stream, seq + 1)
                try:
                    while True:
                        for message in await feed.next(_LOOK_SECONDS):
                            seq = message.seq
                            self._perhaps(message.subject, message.body, message.headers)
                finally:
                    await feed.close()
            await asyncio.sleep(0.2)

    async def hear(self, message: Msg) -> None:
        """A command on its way: a queue cannot be read beside its workers.

        One that leaves alone leaves after all before it were stored, one in a batch may leave in vain.
        """
        headers = message.headers or {}
        if _BATCH not in headers:
            self._perhaps(message.subject, message.data, headers)

    def _perhaps(self, subject: str, body: bytes, headers: Mapping[str, str]) -> None:
        if _OURS in headers or self._chance.random() >= self._share:
            return
        kept = {name: value for name, value in headers.items() if not name.startswith(_NOT_OURS_TO_SAY)}
        task = asyncio.create_task(self._repeat(subject, body, kept, self._chance.uniform(*_PAUSE)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _repeat(self, subject: str, body: bytes, headers: dict[str, str], after: float) -> None:
        await asyncio.sleep(after)
        with suppress(nats.errors.Error, OSError):
            await self._bus.nc.publish(subject, body, headers={**headers, _OURS: "1"})
            self.said += 1

    async def finished(self) -> None:
        """Wait until all that was kept has been said."""
        while self._tasks:
            await asyncio.gather(*self._tasks)
        with suppress(nats.errors.Error, OSError, TimeoutError):
            await self._bus.nc.flush()


@asynccontextmanager
async def repeating(where: BusAddress, seed: int, share: bool) -> AsyncIterator[Again]:
    """Repeat while inside; nothing at all without `share`."""
    bus = await Bus.connect(where.url, seed_path=where.seed)
    again = Again(bus, random.Random(seed))
    listening = [asyncio.create_task(again.follow(f"CRM_{name.upper()}")) for name in SCHEMAS if share]
    try:
        if share:
            await bus.nc.subscribe("do.>", cb=again.hear)
        yield again
    finally:
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        await again.finished()
        await bus.close()
