"""When a step is due, in the contact's local time. Every question has an answer in every zone and year."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DELAY = re.compile(r"(?:(\d{1,3})w)?\s*(?:(\d{1,4})d)?\s*(?:(\d{1,4})h)?\s*(?:(\d{1,5})m)?", re.ASCII)
_LONGEST = timedelta(days=3650)
# A zone that crosses the date line skips or repeats a day; two in a row never happened.
_DAYS_TO_TRY = 4


@dataclass(frozen=True, slots=True)
class Delay:
    """Whole calendar days on the contact's calendar, and time that simply passes."""

    days: int = 0
    elapsed: timedelta = timedelta()

    @property
    def total(self) -> timedelta:
        """Its length if every day had 24 hours."""
        return timedelta(days=self.days) + self.elapsed


def parse_delay(text: str) -> Delay:
    """Read `0m`, `90m`, `2h`, `1d`, `1w2d` or `1d12h`. Raises ValueError with what is expected."""
    found = _DELAY.fullmatch(text.strip())
    if not found or not any(found.groups()):
        raise ValueError(f"{text!r} is no delay; write it like 30m, 2h, 1d or 1d12h")
    weeks, days, hours, minutes = (int(part or 0) for part in found.groups())
    delay = Delay(weeks * 7 + days, timedelta(hours=hours, minutes=minutes))
    if delay.total > _LONGEST:
        raise ValueError(f"{text!r} is longer than ten years")
    return delay


def parse_time(text: str) -> time:
    """Read a local time such as `10:00`. Raises ValueError with what is expected."""
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text.strip(), re.ASCII)
    if not found:
        raise ValueError(f"{text!r} is no time of day; write it like 09:30")
    return time(int(found[1]), int(found[2]))


@lru_cache(maxsize=1024)
def zone_of(name: str | None, fallback: str) -> ZoneInfo:
    """The zone of that IANA name; the fallback, then UTC, when there is none."""
    for candidate in (name, fallback):
        if not candidate:
            continue
        try:
            return ZoneInfo(candidate)
        except (KeyError, ValueError, OSError):
            continue
    return ZoneInfo("UTC")


def next_due(anchor: datetime, delay: Delay, at: time | None, zone: ZoneInfo) -> datetime:
    """When a step is due that follows `anchor` after `delay`, at local time `at` if one is given. UTC.

    Without `at` the local time of the anchor is kept over calendar days. A local time that a clock
    change skips is taken as much later as the clock jumps; one that comes twice means the first.
    Never earlier than the anchor plus the time that simply passes.
    """
    earliest = anchor.astimezone(UTC) + delay.elapsed
    if at is None and delay.days == 0:
        return earliest
    local = earliest.astimezone(zone)
    wall = at if at is not None else local.time()
    day = local.date() + timedelta(days=delay.days)
    for extra in range(_DAYS_TO_TRY):
        due = _moment(day + timedelta(days=extra), wall, zone)
        if due >= earliest:
            return due
    return earliest


def too_late(due: datetime, late_after: timedelta | None, now: datetime) -> bool:
    """Whether something due then must no longer go out."""
    return late_after is not None and now - due > late_after


def _moment(day: date, wall: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, wall.replace(fold=0), tzinfo=zone).astimezone(UTC)
