"""Errors named by what to do next."""

from datetime import timedelta


class Retryable(Exception):
    """May succeed later without anybody's help: tried again by timer, `after` at the earliest."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Permanent(Exception):
    """Will not succeed until a person acts: kept with its reason until redriven or discarded."""


class Ignored(Exception):
    """Nothing to do, on purpose: counted, then forgotten."""
