"""Times as vendors write them. Whatever is no time is None; no function here fails."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_FORMATS = ("%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y%m%dT%H%M%SZ", "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M")
LONGEST = 7 * 24 * 3600
"""No call takes longer, in seconds: an exchange that says so is mistaken."""


def seconds(given: Any) -> datetime | None:
    """Seconds from 1970, as a number or as text."""
    return _from_epoch(given, 1)


def milliseconds(given: Any) -> datetime | None:
    """Milliseconds from 1970, as a number or as text."""
    return _from_epoch(given, 1000)


def _from_epoch(given: Any, parts: int) -> datetime | None:
    try:
        moment = float(given) / parts
        return datetime.fromtimestamp(moment, UTC) if moment > 0 else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def iso(given: Any, zone: str = "UTC") -> datetime | None:
    """ISO 8601 or RFC 3339; a time without a zone is in `zone`."""
    try:
        return _aware(datetime.fromisoformat(given), zone)
    except (TypeError, ValueError, OverflowError):
        return None


def local(given: Any, zone: str = "UTC") -> datetime | None:
    """Year, month and day in one of the usual orders with a time, in `zone`; ISO 8601 as well."""
    for form in _FORMATS:
        try:
            moment = datetime.strptime(str(given).strip(), form)  # noqa: DTZ007
        except (ValueError, OverflowError):
            continue
        return _aware(moment, "UTC" if form[-1] == "Z" else zone)
    return iso(given, zone)


def length(given: str) -> int:
    """Seconds that something took, as text: at most LONGEST; 0 for what is no whole number."""
    return min(int(given), LONGEST) if given.isdecimal() and given.isascii() and len(given) < 12 else 0


def after(began: datetime | None, lasted: int) -> datetime | None:
    """So many seconds later."""
    try:
        return began + timedelta(seconds=lasted) if began else None
    except OverflowError:
        return None


def _aware(moment: datetime, zone: str) -> datetime | None:
    if moment.tzinfo is None:
        try:
            moment = moment.replace(tzinfo=ZoneInfo(zone or "UTC"))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
