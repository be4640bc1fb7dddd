"""Spans of time as people write them, and the moment at which they end on somebody's clock."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LONGEST_DAYS = 3660
_UNITS = {"w": 7 * 86_400, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = re.compile(r"(\d{1,9})\s*([wdhms])")
_WHOLE = re.compile(r"\s*(?:\d{1,9}\s*[wdhms]\s*)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Calendar days, counted on the wall clock, and seconds that simply pass."""

    days: int = 0
    seconds: int = 0

    def __bool__(self) -> bool:
        return bool(self.days or self.seconds)

    def __str__(self) -> str:
        parts = [f"{self.days}d"] if self.days else []
        rest = self.seconds
        for unit in "hms":
            count, rest = divmod(rest, _UNITS[unit])
            parts += [f"{count}{unit}"] if count else []
        return " ".join(parts) or "0s"

    def length(self) -> timedelta:
        """How long it takes when every day has 24 hours."""
        return timedelta(days=self.days, seconds=self.seconds)


def parse_span(text: str) -> Span:
    """Read `2d`, `4h`, `1d 4h`, `90m`, `1w` or `30s`. Raises ValueError, worded for people."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is no span of time")
    days = seconds = 0
    for count, unit in _PART.findall(text):
        if unit in "wd":
            days += int(count) * _UNITS[unit] // _UNITS["d"]
        else:
            seconds += int(count) * _UNITS[unit]
    if days + seconds / _UNITS["d"] > LONGEST_DAYS:
        raise ValueError(f"{text!r} is longer than ten years")
    return Span(days, seconds)


def parse_clock(text: str) -> time:
    """Read a time of day such as `09:30`. Raises ValueError with a message for people."""
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text.strip(), re.ASCII)
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        raise ValueError(f"{text!r} is no time of day")
    return time(int(found[1]), int(found[2]))


def instant(wall: datetime, zone: str) -> datetime:
    """The UTC moment at which clocks in the zone show `wall` (naive).

    RFC 5545, 3.3.5: of two such moments the first; a time that the clocks jump over is read with
    the offset before the jump.
    """
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def is_zone(name: str) -> bool:
    """Whether the name is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def due(moment: datetime, span: Span, zone: str, at: time | None = None) -> datetime:
    """When `span` after `moment` is, in UTC.

    Days keep the wall time in the zone across changes of its clocks; with `at` they end at that
    time of day, and never before `moment`. Hours and less simply pass.
    """
    moment = moment.astimezone(UTC)
    if not span.days and at is None:
        return moment + timedelta(seconds=span.seconds)
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(days=span.days)
    if at is None:
        return max(moment, instant(wall, zone)) + timedelta(seconds=span.seconds)
    wall = datetime.combine(wall.date(), at)
    # Every turn adds a day while an offset stays within one, so this ends.
    while instant(wall, zone) <= moment:
        wall += timedelta(days=1)
    return instant(wall, zone)
