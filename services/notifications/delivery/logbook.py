"""Notes of what this process hands over, on its own disk: a kill then leaves no more open than it must.

The database cannot be told of every letter in the moment it leaves, nor of every answer in the moment it
comes; a file can. What is written survives the process, though not a power cut: nothing is synced, and
whoever reads the notes trusts them accordingly.
"""

import errno
import fcntl
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import orjson
import structlog

from services.notifications.domain.settlement import Attempt

log = structlog.get_logger()
KEPT, ENDED, DRAFT = ".letters", ".ended", ".draft"
ENDING = "."
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MOST_BYTES = 256 * 1024


class CannotNote(Exception):
    """Notes can neither be written nor taken away: a letter now could be sent again after a crash."""


def boot_id() -> str:
    """What tells one run of this machine from the next; empty where the system does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class _Note(NamedTuple):
    """The last line written of a message, and of which attempt it speaks."""

    number: int
    line: bytes

    @classmethod
    def of(cls, message_id: UUID, number: int, *more: object) -> "_Note":
        """What is written of this attempt."""
        return cls(number, orjson.dumps([str(message_id), number, *more]) + b"\n")


class Logbook:
    """The notes of `owner` in a folder; without one it does nothing.

    The file is locked as long as its process lives. When it cannot be written it is taken away: no notes
    are as good as before there were any, half of them would lie.
    """

    def __init__(self, folder: Path | None, owner: UUID, boot: str | None = None) -> None:
        self.folder = folder
        self.owner = owner
        self.boot = boot_id() if boot is None else boot
        self._file: int | None = None
        self._size = 0
        self._notes: dict[UUID, _Note] = {}

    @property
    def path(self) -> Path:
        """Where they are, if there is a folder."""
        return (self.folder or Path()) / f"{self.owner}{KEPT}"

    def begin(self) -> None:
        """Start, or start anew with what is still open. Nothing may be claimed before the first time."""
        if self.folder is None:
            return
        draft = self.path.with_suffix(DRAFT)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = os.open(draft, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                size = _append(file, self._header() + b"".join(note.line for note in self._notes.values()))
                draft.replace(self.path)
            except OSError:
                os.close(file)
                raise
        except OSError as error:
            self._take_away(error)
            return
        self._release()
        self._file, self._size = file, size

    def _header(self) -> bytes:
        return orjson.dumps({"owner": str(self.owner), "boot": self.boot}) + b"\n"

    def claiming(self, attempts: Sequence[tuple[UUID, int]]) -> None:
        """These are about to be ours: noted before the database knows. Raises CannotNote."""
        self._note({id: _Note.of(id, number) for id, number in attempts})

    def about_to_end(self, message_id: UUID, number: int) -> None:
        """The final dot of a letter leaves next. Raises CannotNote: then it must not."""
        self._note({message_id: _Note.of(message_id, number, ENDING)})

    def over(self, attempt: Attempt) -> None:
        """What became of it. What never left needs no note."""
        if attempt.result == "untried":
            return
        what = (attempt.result, attempt.detail, attempt.at)
        # Else it stands there that it was about to end: whoever reads that calls it unknown.
        with suppress(CannotNote):
            self._note({attempt.message_id: _Note.of(attempt.message_id, attempt.number, *what)})

    def written(self, attempts: Iterable[Attempt], left: int) -> None:
        """The database knows of these, and of all but `left` letters."""
        for attempt in attempts:
            # The next attempt may have been claimed and noted before we hear that this one is written.
            if (note := self._notes.get(attempt.message_id)) and note.number == attempt.number:
                del self._notes[attempt.message_id]
        if self._file is None:
            if not left:
                self.begin()
        elif self._size > _MOST_BYTES + sum(len(note.line) for note in self._notes.values()):
            self.begin()

    def _note(self, notes: "Mapping[UUID, _Note]") -> None:
        if self.folder is None:
            return
        self._notes |= notes
        if self._file is None:
            return
        try:
            self._size += _append(self._file, b"".join(note.line for note in notes.values()))
        except OSError as error:
            self._take_away(error)

    def _take_away(self, why: OSError) -> None:
        log.warning("logbook.given_up", reason=why.strerror)
        with suppress(OSError):
            self.path.with_suffix(DRAFT).unlink(missing_ok=True)
        if self._file is not None:
            try:
                self.path.unlink(missing_ok=True)
            except OSError as error:
                raise CannotNote(error.strerror) from error
            self._release()

    def end(self, left: int) -> None:
        """Nothing is open any more, or somebody else will read the notes of what is `left`."""
        if self._file is not None and not left:
            self.path.unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _append(file: int, line: bytes) -> int:
    """Write all of it. Raises OSError."""
    if (written := os.write(file, line)) < len(line):
        raise OSError(errno.ENOSPC, "only a part of it could be written")
    return written
