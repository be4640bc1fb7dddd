"""The bytes of a file on their way: on disk once they are many, measured and hashed as they pass."""

import hashlib
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from services.connectors.errors import NotFetched

_IN_MEMORY = 1024 * 1024
_HEAD = 8 * 1024
PART = 128 * 1024


class Spool:
    """Takes bytes up to a limit, then gives them back from the beginning, as often as wanted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by `__exit__`
        self._hash = hashlib.sha256()
        self.size = 0
        self.head = b""

    def write(self, part: bytes) -> None:
        """Take more. Raises NotFetched when that is too much."""
        self.size += len(part)
        if self.size > self._most:
            raise NotFetched(f"it is larger than {self._most} bytes", why="too_large")
        if len(self.head) < _HEAD:
            self.head += part[: _HEAD - len(self.head)]
        self._hash.update(part)
        self._file.write(part)

    @property
    def digest(self) -> bytes:
        """SHA-256 of all that was written."""
        return self._hash.digest()

    def parts(self) -> Iterator[bytes]:
        """All of it, in pieces of `PART` bytes but for the last."""
        self._file.seek(0)
        while part := self._file.read(PART):
            yield part

    def close(self) -> None:
        """Let the bytes go."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
