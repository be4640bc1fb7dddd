"""Kinds of values that APIs take: moments that are written out, lines that any table can hold."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, StringConstraints

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1900, 9000


def _written(given: Any) -> Any:
    """pydantic takes numbers for seconds since 1970; a date typed as 20260115 would be one of them."""
    if isinstance(given, datetime) or (isinstance(given, str) and _RFC_3339.fullmatch(given)):
        return given
    raise ValueError("a moment is written like 2026-01-15T10:00:00Z")


def _usual(moment: datetime) -> datetime:
    """At the ends of the calendar another zone's day does not exist."""
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"a moment is between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return moment


Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,500}$")]
"""One line of text, never empty."""
Moment = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_usual)]
"""A time with its zone."""
