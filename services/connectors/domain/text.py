"""Text as it may cross the wire: no control characters, no broken code points, not endless."""

import re
from collections.abc import Mapping, Sequence

# PostgreSQL refuses U+0000, JSON refuses lone surrogates, and the rest only disturbs readers.
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff]")
_LINE_ENDS = re.compile(r"\r\n?")

MAX_TEXT = 64_000
MAX_LINE = 500
MAX_FIELDS = 300
MAX_VALUES = 100

Fields = dict[str, str | list[str]]


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """The text without control characters, trimmed and cut at `limit` characters."""
    return _UNWANTED.sub("", _LINE_ENDS.sub("\n", text)).strip()[:limit]


def single_line(text: str, limit: int = MAX_LINE) -> str:
    """The text with every run of white space as one space."""
    return " ".join(clean(text, limit * 4).split())[:limit]


def fields_within(fields: Mapping[str, str | Sequence[str]], budget: int = MAX_TEXT) -> Fields:
    """The fields that have a value, until together they reach `budget` characters.

    A fact must stay far below the bus's message limit, however much a form holds.
    """
    kept: Fields = {}
    for name, given in list(fields.items())[:MAX_FIELDS]:
        values = [given] if isinstance(given, str) else list(given)[:MAX_VALUES]
        values = [text for value in values if (text := clean(value))]
        name = single_line(name, 200)
        budget -= len(name) + sum(map(len, values))
        if budget < 0:
            break
        if name and values:
            kept[name] = values[0] if len(values) == 1 else values
    return kept
