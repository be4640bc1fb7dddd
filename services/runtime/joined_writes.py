"""A transport that sends what is written in one go as one piece.

uvicorn writes the head of an answer and its body apart: two system calls, two packets, and a client that
wakes up twice for most answers.
"""

import asyncio
from typing import Any


class JoinedWrites(asyncio.Transport):
    """Holds what is written until the loop turns, and no longer; everything else goes through at once."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send these bytes with those that are written before the loop turns."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(bytes(data))

    def close(self) -> None:
        """Send what is held, then hang up."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        self._held.clear()
        self._transport.abort()

    def write_eof(self) -> None:
        """Send what is held, and say that this was all."""
        self._flush()
        self._transport.write_eof()

    def can_write_eof(self) -> bool:
        """Whether the end can be told apart from hanging up."""
        return self._transport.can_write_eof()

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the loop knows of the connection."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let somebody else speak."""
        self._transport.set_protocol(protocol)

    def _flush(self) -> None:
        held = self._held
        if held:
            self._held = []
            self._transport.write(held[0] if len(held) == 1 else b"".join(held))
