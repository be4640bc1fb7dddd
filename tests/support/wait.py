"""Wait for a condition, never for a time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def until(
    condition: Callable[[], Awaitable[T]], within: float = ..., every: float = ..., why: str = ...
) -> T: ...
@overload
async def until(condition: Callable[[], T], within: float = ..., every: float = ..., why: str = ...) -> T: ...
async def until(
    condition: Callable[[], Any], within: float = 10.0, every: float = 0.02, why: str = ""
) -> Any:
    """The first truthy value of `condition`, plain or async. AssertionError after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {why or _name(condition)}; last: {value!r}")
        await asyncio.sleep(every)


def _name(condition: Callable[..., object]) -> str:
    return getattr(condition, "__qualname__", repr(condition))
