"""Finds the notes of processes that are gone: theirs are the files that nobody holds locked."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID

import orjson

from services.notifications.delivery.logbook import DRAFT, ENDED, ENDING, KEPT, boot_id
from services.notifications.domain.legacy import Legacy, Noted
from services.notifications.domain.settlement import Attempt


def left_behind(folder: Path | None, boot: str | None = None) -> "list[LeftBehind]":
    """Notes in the folder that may be of processes that are gone. Raises OSError."""
    if folder is None or not folder.is_dir():
        return []
    here = boot_id() if boot is None else boot
    return [LeftBehind(path, here) for path in sorted(folder.iterdir()) if path.suffix in (KEPT, ENDED)]


class LeftBehind:
    """One file of notes."""

    def __init__(self, path: Path, boot: str) -> None:
        self._path = path
        self._boot = boot

    @contextmanager
    def opened(self) -> Iterator[Legacy | None]:
        """What it says; None while its writer has it. Several may read it: to inherit twice does nothing.

        A reader that kept the others out would leave them with nothing but the clock to judge by.
        """
        try:
            file = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            yield None
            return
        try:
            yield self._read(file) if self._is_ours(file) else None
        finally:
            os.close(file)

    def _is_ours(self, file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            # Another file may have taken its place before we had the lock.
            return os.fstat(file).st_ino == self._path.stat().st_ino
        except OSError:
            return False

    def _read(self, file: int) -> Legacy | None:
        with os.fdopen(os.dup(file), "rb") as lines:
            return read_notes(lines.read(), self._boot)

    def settled(self, keep_seconds: float) -> None:
        """All it says is written.

        It stays for as long as something of its writer may still be on its way to the database: a claim
        that commits late was not begun either.
        """
        with suppress(FileNotFoundError):
            if self._path.suffix == KEPT:
                ended = self._path.with_suffix(ENDED)
                os.utime(self._path)
                self._path.rename(ended)
            elif time.time() - self._path.stat().st_mtime > keep_seconds:
                self._path.with_suffix(DRAFT).unlink(missing_ok=True)
                self._path.unlink()


def read_notes(content: bytes, boot: str) -> Legacy | None:
    """The notes in a file; None when not even their owner can be read. A line cut short was never written."""
    head, *lines = content.split(b"\n")[:-1] or [b""]
    try:
        header = orjson.loads(head)
        owner, whole = UUID(header["owner"]), bool(boot) and header["boot"] == boot
    except (ValueError, KeyError, TypeError):
        return None
    noted: dict[UUID, Noted] = {}
    for line in lines:
        try:
            message_id, number, *more = orjson.loads(line)
            noted[UUID(message_id)] = _noted(UUID(message_id), number, *more)
        except (ValueError, TypeError):
            whole = False
    return Legacy(owner, whole, noted)


def _noted(message_id: UUID, number: int, what: str = "", detail: str = "", at: str = "") -> Noted:
    if what in ("", ENDING):
        return Noted(number, ending=what == ENDING)
    outcome = Attempt(message_id, number, what, detail, datetime.fromisoformat(at))  # type: ignore[arg-type]
    return Noted(number, ending=True, outcome=outcome)
