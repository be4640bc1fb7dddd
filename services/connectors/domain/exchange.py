"""One HTTP request that we make at a vendor, and its answer: plain values, made and read by pure code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime

_LONGEST_AFTER = 86_400.0
# Takes a body part by part; what it raises ends the fetching.
Write = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. `url`, `headers` and `body` may hold secrets: none of them is ever logged."""

    url: str = field(repr=False)
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


def retry_after(answer: Answer, now: datetime) -> float | None:
    """In how many seconds the other side wants to be asked again, if it says so (RFC 9110, 10.2.3)."""
    told = answer.headers.get("retry-after", "").strip()
    if told.isdigit():
        return min(float(told[:9]), _LONGEST_AFTER)
    try:
        at = parsedate_to_datetime(told)
        return min(max(0.0, (at - now).total_seconds()), _LONGEST_AFTER)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
