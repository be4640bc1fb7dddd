"""Publishes facts and commands a second time, as relays do that were cut off before they heard back."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from tests.chaos.bus import BusAddress

_SHARE = 0.03
_SUBJECTS = ("crm.>", "do.>")


class Again:
    """Listens to what services publish, keeps some of it, and says it again a while later."""

    def __init__(self, connection: Client, chance: random.Random) -> None:
        self._connection = connection
        self._chance = chance
        self._tasks: set[asyncio.Task[None]] = set()
        self.said = 0

    async def hear(self, message: Msg) -> None:
        """One published message, perhaps to be repeated."""
        if self._chance.random() < _SHARE and "Chaos-Again" not in (message.headers or {}):
            task = asyncio.create_task(self._repeat(message, self._chance.uniform(0.3, 5.0)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _repeat(self, message: Msg, after: float) -> None:
        await asyncio.sleep(after)
        kept = {
            name: value
            for name, value in (message.headers or {}).items()
            if not name.startswith(("Nats-Batch", "Nats-Expected"))
        }
        with suppress(nats.errors.Error, OSError):
            await self._connection.publish(
                message.subject, message.data, headers={**kept, "Chaos-Again": "1"}
            )
            self.said += 1

    async def finished(self) -> None:
        """Wait until all that was kept has been said."""
        while self._tasks:
            await asyncio.gather(*self._tasks)
        with suppress(nats.errors.Error, OSError, TimeoutError):
            await self._connection.flush()


@asynccontextmanager
async def repeating(where: BusAddress, seed: int, share: bool) -> AsyncIterator[Again]:
    """Repeat while inside; nothing at all without `share`."""

    async def hush(_error: Exception) -> None:
        return

    connection = await where.connect(
        max_reconnect_attempts=-1, reconnect_time_wait=0.2, error_cb=hush, no_echo=True
    )
    again = Again(connection, random.Random(seed))
    try:
        for subject in _SUBJECTS if share else ():
            await connection.subscribe(subject, cb=again.hear)
        yield again
    finally:
        await again.finished()
        await connection.close()
