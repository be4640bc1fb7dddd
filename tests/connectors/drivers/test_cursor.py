"""The memory of a driver ends with the driver."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from services.connectors.drivers.inlet import Cursor
from services.runtime.bus import BusUnavailable
from services.runtime.slots import Overtaken


class Answered:
    """A slot whose answer comes together with a cancellation, which is lost then."""

    async def write(self, value: bytes, after: int) -> int:
        """The next revision."""
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return after + 1


async def test_a_cancellation_that_comes_with_the_answer_is_heeded() -> None:
    slot: Any = Answered()
    cursor = Cursor(slot)
    moving = asyncio.create_task(cursor.move({"uid": 1}))
    await asyncio.sleep(0)
    moving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await moving
    assert cursor.value == {"uid": 1}, "what is written is known to be"


class Stalled:
    """A slot on a bus that stands still for a while and then does all it was asked in between."""

    def __init__(self) -> None:
        self.value, self.revision = b"", 0
        self.silent = 2

    async def read(self) -> tuple[bytes, int]:
        """The latest, once the bus goes on."""
        self._stand_still()
        return self.value, self.revision

    async def write(self, value: bytes, after: int) -> int:
        """The next revision; the first write is done and has no answer."""
        if after != self.revision:
            raise Overtaken
        self.value, self.revision = value, self.revision + 1
        self._stand_still()
        return self.revision

    def _stand_still(self) -> None:
        if self.silent:
            self.silent -= 1
            raise BusUnavailable("no answer")


async def test_a_write_of_our_own_that_had_no_answer_does_not_overtake_us() -> None:
    slot: Any = Stalled()
    cursor = Cursor(slot)
    await cursor.move({"uid": 1})
    await cursor.move({"uid": 2})
    assert (slot.revision, cursor.value) == (2, {"uid": 2})
    slot.revision += 1
    with pytest.raises(Overtaken):
        await cursor.move({"uid": 3})
