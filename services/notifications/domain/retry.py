"""When to try again what certainly was not sent."""

from datetime import timedelta
from random import Random

_SECONDS = (1, 5, 30, 120, 600, 1800, 3600)


def backoff(attempts: int, random: Random) -> timedelta:
    """How long to wait after this many attempts: a second at first, an hour at most, spread by a half."""
    bound = _SECONDS[min(max(attempts, 1), len(_SECONDS)) - 1]
    return timedelta(seconds=bound * random.uniform(0.75, 1.25))
