"""The folder the engines live in: its layout, who holds it, and whether it can be used at all."""

import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import IO

from services.hub.engines.errors import EngineError

SOCKET_BYTES = 107
"""The longest path of a unix socket on Linux."""
SOCKET_NAME = ".s.PGSQL.5432"
FREE_BYTES = 256 * 1024 * 1024
"""What must be free before the engines start; they need room to recover."""


class EngineHome:
    """The places below one folder. Hold it (`hold`, `release`) while engines run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.nats = self.folder / "nats"
        self.postgres = self.folder / "postgres"
        self.sockets = self.folder / "run"
        self.secrets = self.folder / "secrets"
        self.partners = self.folder / "partners"
        self._lock: IO[str] | None = None

    def hold(self, free_bytes: int = FREE_BYTES) -> None:
        """Make the folders and keep everybody else out. EngineError when this cannot be a home."""
        check_socket_path(self.sockets)
        try:
            self._make()
            self._take_lock()
        except OSError as problem:
            raise unusable(self.folder, problem) from problem
        try:
            check_free(self.folder, free_bytes)
        except EngineError:
            self.release()
            raise

    def release(self) -> None:
        """Let another hub have the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _make(self) -> None:
        for folder in (self.folder, self.nats, self.postgres, self.sockets):
            if not folder.exists():
                folder.mkdir(parents=True)
                # PostgreSQL of a hub run by root is somebody else, who must be able to pass.
                folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        for folder in (self.secrets, self.partners):
            folder.mkdir(mode=0o700, exist_ok=True)

    def _take_lock(self) -> None:
        lock = (self.folder / "engines.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise EngineError(
                f"another hub (process {holder or 'unknown'}) already runs in {self.folder}",
                "stop it first, or set LEADWIRE_HOME to another folder",
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock


def unusable(folder: Path, problem: OSError) -> EngineError:
    """What the system said against a folder, with the remedy."""
    if problem.errno == errno.ENOSPC:
        return EngineError(f"the disk of {folder} is full", "free disk space, then start again")
    return EngineError(
        f"{folder} cannot be used: {problem.strerror} ({problem.filename or folder})",
        f"sudo chown -R $(id -u) {folder}, or set LEADWIRE_HOME to another folder",
    )


def check_socket_path(sockets: Path) -> None:
    """EngineError when the system or PostgreSQL cannot take the name of a socket in this folder."""
    length = len(os.fsencode(sockets / SOCKET_NAME))
    if length > SOCKET_BYTES:
        raise EngineError(
            f"the path {sockets} is {length - SOCKET_BYTES} bytes too long for a socket",
            "set LEADWIRE_HOME to a folder with a shorter path, such as ~/leadwire",
        )
    if any(sign in str(sockets) for sign in ",\"'\n"):
        raise EngineError(
            f"the path {sockets} has a comma, a quote or a line break in it",
            "set LEADWIRE_HOME to a folder without them",
        )


def check_free(folder: Path, needed: int) -> None:
    """EngineError when the disk of this folder has less than `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EngineError(
            f"the disk of {folder} is almost full: {free >> 20} MiB are free, {needed >> 20} MiB are needed",
            "free disk space, or set LEADWIRE_HOME to a folder on another disk",
        )
