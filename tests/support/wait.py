"""Wait for a condition, never for a time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(
    condition: Callable[[], Awaitable[T] | T],
    within: float = 10.0,
    every: float = 0.02,
    why: str = "",
) -> T:
    """The first truthy value of `condition`, plain or async. AssertionError after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        asked = condition()
        value: T = await asked if inspect.isawaitable(asked) else asked
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {why or name_of(condition)}; last: {value!r}")
        await asyncio.sleep(every)


def name_of(condition: Callable[..., object]) -> str:
    """What to call a condition that was given no reason."""
    return getattr(condition, "__qualname__", repr(condition))
