"""Takes files that are dropped into a directory, row by row, and moves them away when they are done.

A row is one delivery: for CSV the heading and the row as they stand in the file, for JSONL the line. The
cursor is the file and the byte after the last row that is on disk in the bus. A file that cannot be taken is
tried again each time we look, and holds up no other.
"""

import asyncio
import os
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from services.connectors.drivers.inlet import Arrived, Inlet, Unreachable
from services.connectors.drivers.stuck import Stuck, Troubles
from services.connectors.reading.dropped import Row, Rows, rows_of
from services.connectors.reading.rows import WIDE

_LOOK_SECONDS = 1.0
_ROWS_AT_ONCE = 200
_MARKER = ".done"
# Written by programs that have not finished.
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", "~", _MARKER)
DONE, FAILED = "done", "failed"
Places = dict[tuple[int, ...], tuple[int, int]]


async def drive(inlet: Inlet) -> None:
    """Watch the directory until cancelled. Raises Unreachable."""
    watch, troubles = Watch(inlet), Troubles(inlet)
    try:
        while True:
            names = await asyncio.to_thread(watch.complete)
            for name in names:
                if name not in troubles.why:
                    inlet.state("reading a file")
                try:
                    await _take(inlet, watch.folder / name, watch.places)
                    troubles.why.pop(name, None)
                except Stuck as error:
                    troubles.met(name, str(error))
            troubles.tell(names)
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        troubles.end()


class Watch:
    """A directory, and since when each of its files has not changed."""

    def __init__(self, inlet: Inlet) -> None:
        self.settings = inlet.channel.settings
        self.folder = folder_below(inlet.root, self.settings.text("path"))
        self._clock = asyncio.get_running_loop().time
        self._seen: dict[str, tuple[list[int], float]] = {}
        # How far files were read that lie there still: byte and row. The cursor knows of one alone.
        self.places: Places = {}

    def complete(self) -> list[str]:
        """Names of files that are whole, in order. Raises Unreachable."""
        try:
            with os.scandir(self.folder) as entries:
                found = {one.name: _mark(one) for one in entries if one.is_file(follow_symlinks=False)}
        except OSError as error:
            raise Unreachable(
                f"the directory cannot be read: {error.strerror}; make it in the root"
            ) from error
        wanted = {name: mark for name, mark in found.items() if self._wanted(name)}
        self.places = {mark: self.places[mark] for mark in map(tuple, wanted.values()) if mark in self.places}
        now = self._clock()
        self._seen = {
            name: seen if (seen := self._seen.get(name)) and seen[0] == mark else (mark, now)
            for name, mark in wanted.items()
        }
        if self.settings.text("complete") == "marker":
            return sorted(name for name in wanted if name + _MARKER in found)
        quiet = self.settings.number("quiet")
        return sorted(name for name, (_, since) in self._seen.items() if now - since >= quiet)

    def _wanted(self, name: str) -> bool:
        patterns = self.settings.texts("pattern")
        unfinished = name.startswith(".") or name.lower().endswith(_UNFINISHED)
        return not unfinished and any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def folder_below(root: Path | None, path: str) -> Path:
    """The directory of a channel. Raises Unreachable when it does not lie below the root."""
    if root is None:
        raise Unreachable("no directory may be read: set LEADWIRE_FOLDER_ROOT where connectors runs")
    try:
        whole = root.resolve(strict=True)
        folder = (whole / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise Unreachable(
            "the directory in `path` is not there: make it below LEADWIRE_FOLDER_ROOT"
        ) from error
    if not folder.is_relative_to(whole) or not folder.is_dir():
        raise Unreachable("`path` leads out of LEADWIRE_FOLDER_ROOT: name a directory below it")
    return folder


def identity(told: os.stat_result) -> list[int]:
    """By which a file is known again: the same when it is renamed, another when it is written to."""
    return [told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns]


def _mark(entry: "os.DirEntry[str]") -> list[int]:
    """Its identity; none of one that does not even tell that, or is gone: opening it will say why."""
    try:
        return identity(entry.stat(follow_symlinks=False))
    except OSError:
        return []


async def _take(inlet: Inlet, path: Path, places: Places) -> None:
    """All rows of one file from where the cursor stands, then away with it. Raises Stuck."""
    try:
        rows = await asyncio.to_thread(_open, inlet, path, places)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unread(error) from error
    readable = not rows.beginning.startswith(WIDE)
    mark = tuple(rows.identity)
    try:
        if not readable and mark not in places:
            await inlet.store(_arrived(path.name, rows, Row(rows.beginning, 1, 0)))
            places[mark] = 0, 0
        while readable and (batch := await _next(rows)):
            await inlet.store(*(_arrived(path.name, rows, row) for row in batch))
            places[mark] = batch[-1].end, batch[-1].number
            await inlet.cursor.move({"file": rows.identity, "at": batch[-1].end, "row": batch[-1].number})
    finally:
        rows.close()
    await asyncio.to_thread(_away, path, DONE if readable else FAILED, rows.identity)


async def _next(rows: Rows) -> list[Row]:
    try:
        return await asyncio.to_thread(rows.next, _ROWS_AT_ONCE)
    except OSError as error:
        raise _unread(error) from error


def _unread(error: OSError) -> Stuck:
    return Stuck(f"it cannot be read: {error.strerror}; correct its rights, or put it there anew")


def _open(inlet: Inlet, path: Path, places: Places) -> Rows:
    """Without following a link: the file that was looked at, or an error."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    try:
        mark = identity(os.fstat(file.fileno()))
        kept: dict[str, Any] = inlet.cursor.value
        known = (kept["at"], kept["row"]) if kept.get("file") == mark else (0, 0)
        return rows_of(file, path.name, inlet.channel.settings, mark, *places.get(tuple(mark), known))
    except OSError:
        file.close()
        raise


def _arrived(name: str, rows: Rows, row: Row) -> Arrived:
    told = {"content-type": rows.content_type, "file": name[:200], "row": str(row.number)}
    return Arrived(row.body, told | ({"delimiter": rows.delimiter} if rows.delimiter else {}))


def _away(path: Path, where: str, mark: list[int]) -> None:
    """Move the file into a directory beside it, under a name that is free. Raises Stuck.

    One that was written to or put in its place meanwhile stays, to be read.
    """
    folder = path.parent / where
    try:
        if identity(path.lstat()) != mark:
            return
        folder.mkdir(exist_ok=True)
        if folder.is_symlink():
            raise Stuck(f"{where} in the directory is a link: make it a directory")
        target, number = folder / path.name, 1
        while target.exists() or target.is_symlink():
            target, number = folder / f"{path.stem}.{number}{path.suffix}", number + 1
        path.rename(target)
        with suppress(FileNotFoundError):
            path.with_name(path.name + _MARKER).unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise Stuck(f"it is done and cannot be moved to {where}: {error.strerror}; move it away") from error
