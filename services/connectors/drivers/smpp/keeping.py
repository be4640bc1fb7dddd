"""Stores messages and only then acknowledges them.

First the cursor remembers each of them under a name of its own, then the bus has it, then the centre is told.
Whatever is cut off in between comes again and is the same delivery.
"""

import asyncio
from contextlib import suppress

from services.connectors.drivers.inlet import Inlet
from services.connectors.drivers.smpp.memory import Memory
from services.connectors.drivers.smpp.session import Session
from services.connectors.reading.smpp import pdus

_WAITING = 500
_AT_ONCE = 100
# Centres wait for ten seconds and longer before they take a message for undelivered.
_STORE_SECONDS = 5.0
_LOOK_SECONDS = 30.0


class Keeping:
    """The messages of one connection, which `mark` tells from every other."""

    def __init__(self, inlet: Inlet, mark: str) -> None:
        self._inlet = inlet
        self._mark = mark
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
        self._memory = Memory(inlet.cursor.value)
        self._taken = 0
        self.acknowledged = 0
        self._moving = asyncio.Lock()

    def take(self, unit: bytes) -> bool:
        """Have a message stored and answered soon; False when too many wait already."""
        if self._waiting.full():
            return False
        self._waiting.put_nowait(unit)
        return True

    async def run(self, session: Session) -> None:
        """Store and acknowledge until cancelled. Raises Overtaken or OSError."""
        await self._store([])
        while True:
            batch = await self._batch()
            before = self._taken
            try:
                async with asyncio.timeout(_STORE_SECONDS):
                    await self._store(batch)
                status = pdus.OK
            except TimeoutError:
                status = pdus.TRY_LATER
                self._memory.refused(range(before + 1, self._taken + 1))
            for unit in batch:
                await session.answer(unit, status)
            self.acknowledged = self._taken

    async def proven(self, number: int) -> None:
        """The centre has read the acknowledgements up to this one. Raises Overtaken."""
        if self._memory.proven(number, self._inlet.clock.now()):
            with suppress(TimeoutError):
                async with asyncio.timeout(_STORE_SECONDS):
                    await self._move()

    async def _batch(self) -> list[bytes]:
        """What waits; nothing when nothing came for a while."""
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                batch = [await self._waiting.get()]
        except TimeoutError:
            return []
        while len(batch) < _AT_ONCE and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
        return batch

    async def _store(self, batch: list[bytes]) -> None:
        now = self._inlet.clock.now()
        arrived = []
        for unit in batch:
            self._taken += 1
            found = self._memory.add(unit, f"{self._mark}-{self._taken}", self._taken, now)
            arrived += [found] if found else []
        arrived += [one for one in self._memory.overdue(now) if one not in arrived]
        if batch or arrived:
            await self._move()
            await self._inlet.store(*arrived)
            self._memory.stored(now)

    async def _move(self) -> None:
        async with self._moving:
            await self._inlet.cursor.move(self._memory.plain)
