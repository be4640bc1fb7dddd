"""Files of rows, read piece by piece: where each row ends, byte for byte. Source: RFC 4180; jsonlines.org."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from services.connectors.domain import Settings
from services.connectors.reading.rows import DELIMITERS, delimiter_in

# A longer line is cut; a parser then says what is wrong with its pieces.
_LONGEST_LINE = 1024 * 1024
_MOST_BYTES = 4 * 1024 * 1024
_LINES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True, slots=True)
class Row:
    """One row as a delivery's body; `number` as spreadsheets count, `end` the byte of the file behind it."""

    body: bytes
    number: int
    end: int


class Rows:
    """An open file. `heading` is its first record where that names the columns."""

    content_type = "application/json"
    delimiter = ""
    heading = b""

    def __init__(self, file: BinaryIO, identity: list[int]) -> None:
        self.identity = identity
        self.beginning = file.read(4096)
        file.seek(0)
        self._file = file
        self._number = 0
        self._at = 0
        self._records: Iterator[bytes] = iter(())

    def start(self, at: int, number: int) -> None:
        """Go on behind the byte `at`, after the row of that number; 0 is the beginning."""
        self._records = self._cut()
        if at > self._at:
            self._file.seek(at)
            self._at, self._number = at, number

    def next(self, most: int) -> list[Row]:
        """The next rows, blank ones left out; none at the end."""
        found: list[Row] = []
        size = 0
        while len(found) < most and size < _MOST_BYTES:
            record = next(self._records, None)
            if record is None:
                break
            self._at += len(record)
            self._number += 1
            if record.strip():
                found.append(Row(self.heading + record.rstrip(b"\r\n"), self._number, self._at))
                size += len(found[-1].body)
        return found

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def _cut(self) -> Iterator[bytes]:
        while line := self._file.readline(_LONGEST_LINE):
            yield line


class Records(Rows):
    """CSV: line ends within quotes do not end a record."""

    content_type = "text/csv"

    def __init__(self, file: BinaryIO, identity: list[int], settings: Settings) -> None:
        super().__init__(file, identity)
        first = file.readline(_LONGEST_LINE)
        self._mark = delimiter_in(first.decode("latin-1"), settings.text("delimiter"))
        file.seek(0)
        if not settings.texts("columns"):
            self._records = self._cut()
            self.heading = next(self._records, b"")
            self._at, self._number = len(self.heading), 1
            # Whoever reads the cut records reads the file further: begin anew behind the heading.
            file.seek(self._at)
        self.delimiter = next(name for name, mark in DELIMITERS.items() if mark == self._mark)

    def _cut(self) -> Iterator[bytes]:
        taken: list[bytes] = []
        lines = self._lines(taken)
        # Bytes as latin-1: delimiters, quotes and line ends are themselves in every charset that is taken.
        reader = csv.reader(lines, delimiter=self._mark)
        while True:
            try:
                next(reader)
            except StopIteration:
                if not taken:
                    return
            except csv.Error:
                pass  # too long a field: what was read so far is a record that no parser can read
            yield b"".join(taken)
            taken.clear()

    def _lines(self, taken: list[bytes]) -> Iterator[str]:
        while line := self._file.readline(_LONGEST_LINE):
            taken.append(line)
            yield line.decode("latin-1")


def rows_of(file: BinaryIO, name: str, settings: Settings, identity: list[int], at: int, row: int) -> Rows:
    """The rows of a file from the byte `at`, which is behind the row of that number."""
    lines = name.lower().endswith(_LINES)
    found = Rows(file, identity) if lines else Records(file, identity, settings)
    found.start(at, row)
    return found
