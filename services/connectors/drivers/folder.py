"""Takes files that are dropped into a directory, row by row, and moves them away when they are done.

A row is one delivery: for CSV the heading and the row as they stand in the file, for JSONL the line. The
cursor is the file and the byte after the last row that is on disk in the bus.
"""

import asyncio
import os
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from services.connectors.drivers.inlet import Arrived, Inlet, Unreachable
from services.connectors.reading.dropped import Row, Rows, rows_of
from services.connectors.reading.rows import WIDE

_LOOK_SECONDS = 1.0
_ROWS_AT_ONCE = 200
_MARKER = ".done"
# Written by programs that have not finished.
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", "~", _MARKER)
DONE, FAILED = "done", "failed"


async def drive(inlet: Inlet) -> None:
    """Watch the directory until cancelled. Raises Unreachable."""
    watch = Watch(inlet)
    while True:
        inlet.state("watching")
        for name in await asyncio.to_thread(watch.complete):
            inlet.state("reading a file")
            await _take(inlet, watch.folder / name)
        await asyncio.sleep(_LOOK_SECONDS)


class Watch:
    """A directory, and since when each of its files has not changed."""

    def __init__(self, inlet: Inlet) -> None:
        self.settings = inlet.channel.settings
        self.folder = folder_below(inlet.root, self.settings.text("path"))
        self._clock = asyncio.get_running_loop().time
        self._seen: dict[str, tuple[list[int], float]] = {}

    def complete(self) -> list[str]:
        """Names of files that are whole, in order. Raises Unreachable."""
        try:
            with os.scandir(self.folder) as entries:
                found = {one.name: identity(one.stat(follow_symlinks=False))
                         for one in entries if one.is_file(follow_symlinks=False)}  # fmt: skip
        except OSError as error:
            raise Unreachable(
                f"the directory cannot be read: {error.strerror}; make it in the root"
            ) from error
        wanted = {name: mark for name, mark in found.items() if self._wanted(name)}
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


async def _take(inlet: Inlet, path: Path) -> None:
    """All rows of one file from where the cursor stands, then away with it."""
    try:
        rows = await asyncio.to_thread(_open, inlet, path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unreachable(f"a file cannot be read: {error.strerror}; correct its rights") from error
    readable = not rows.beginning.startswith(WIDE)
    try:
        if not readable:
            await inlet.store(_arrived(path.name, rows, Row(rows.beginning, 1, 0)))
        while readable and (batch := await asyncio.to_thread(rows.next, _ROWS_AT_ONCE)):
            await inlet.store(*(_arrived(path.name, rows, row) for row in batch))
            await inlet.cursor.move({"file": rows.identity, "at": batch[-1].end, "row": batch[-1].number})
    finally:
        rows.close()
    await asyncio.to_thread(_away, path, DONE if readable else FAILED, rows.identity)


def _open(inlet: Inlet, path: Path) -> Rows:
    """Without following a link: the file that was looked at, or an error."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    mark = identity(os.fstat(file.fileno()))
    kept: dict[str, Any] = inlet.cursor.value
    at, row = (kept["at"], kept["row"]) if kept.get("file") == mark else (0, 0)
    return rows_of(file, path.name, inlet.channel.settings, mark, at, row)


def _arrived(name: str, rows: Rows, row: Row) -> Arrived:
    told = {"content-type": rows.content_type, "file": name[:200], "row": str(row.number)}
    return Arrived(row.body, told | ({"delimiter": rows.delimiter} if rows.delimiter else {}))


def _away(path: Path, where: str, mark: list[int]) -> None:
    """Move the file into a directory beside it, under a name that is free. Raises Unreachable.

    One that was written to or put in its place meanwhile stays, to be read.
    """
    folder = path.parent / where
    try:
        if identity(path.lstat()) != mark:
            return
        folder.mkdir(exist_ok=True)
        if folder.is_symlink():
            raise Unreachable(f"{where} in the directory is a link: make it a directory")
        target, number = folder / path.name, 1
        while target.exists() or target.is_symlink():
            target, number = folder / f"{path.stem}.{number}{path.suffix}", number + 1
        path.rename(target)
        with suppress(FileNotFoundError):
            path.with_name(path.name + _MARKER).unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unreachable(f"a file that is done cannot be moved to {where}: {error.strerror}") from error
