"""Waiting: for the first of several events, for more to come, and longer after each failure."""

import asyncio
import random

_GATHER_TIMES, _GATHER_SECONDS = 4, 0.04


class Backoff:
    """Delays that double from `first` to `longest` seconds, each drawn at random below its bound."""

    def __init__(self, first: float = 0.1, longest: float = 5.0) -> None:
        self.first = first
        self.longest = longest
        self._failures = 0

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        bound = min(self.longest, self.first * 2 ** min(self._failures, 20))
        self._failures += 1
        return random.uniform(bound / 2, bound)

    def reset(self) -> None:
        """Something worked."""
        self._failures = 0


def gathering(took: float) -> float:
    """Seconds to let more work come after a batch that took so long itself.

    Work that follows closely costs less together: many transactions of one fact each would fill the
    machine, and then everything waits for much longer.
    """
    return min(_GATHER_SECONDS, _GATHER_TIMES * took)


async def wait_any(*events: asyncio.Event, timeout: float | None = None) -> bool:
    """Wait until any of the events is set; False when `timeout` seconds passed first."""
    if any(event.is_set() for event in events):
        return True
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for wait in waits:
            wait.cancel()


def heed_cancellation() -> None:
    """Raise CancelledError when this task was told to end.

    Before Python 3.12 `asyncio.wait_for`, which the bus's client uses, loses a cancellation that comes
    together with the answer: a loop around the bus would go on for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
