"""The memory of a driver ends with the driver."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from services.connectors.drivers.inlet import Cursor


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
