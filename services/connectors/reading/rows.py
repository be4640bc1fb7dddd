"""Rows of CSV as spreadsheets and scripts write it. Source: RFC 4180, and Excel where it differs."""

import csv
import io
import re
from collections.abc import Sequence

from services.connectors.errors import Unreadable
from services.connectors.reading.documents import FieldList, dotted

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
# The beginning of a file in UTF-16.
WIDE = (b"\xff\xfe", b"\xfe\xff")
_QUOTED = re.compile(r'"[^"]*"')


def delimiter_in(line: str, given: str = "auto") -> str:
    """The character between fields: the one that is `given` by name, or the most frequent in the line."""
    if given in DELIMITERS:
        return DELIMITERS[given]
    bare = _QUOTED.sub("", line)
    return max(DELIMITERS.values(), key=bare.count) if bare else ","


def read_row(text: str, columns: Sequence[str], delimiter: str) -> FieldList:
    """The one row in `text`, under the names in `columns`; without those the first line names them.

    Raises Unreadable, with a reason that holds nothing of the row.
    """
    try:
        records = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error:
        raise Unreadable("a field is longer than 131,072 characters, or a line ends within it") from None
    if not columns and records:
        columns, *records = records
    if len(records) != 1:
        raise Unreadable(f"there is one row, not {len(records)}: a quotation mark may be missing")
    row = records[0]
    while len(row) > len(columns) and not row[-1].strip():
        row.pop()
    if len(row) != len(columns):
        raise Unreadable(f"it has {len(row)} fields where there are {len(columns)} columns")
    found: FieldList = {}
    for place, (name, value) in enumerate(zip(columns, row, strict=True), 1):
        found.setdefault(dotted(name.strip()) or f"column_{place}", []).append(value)
    return found
