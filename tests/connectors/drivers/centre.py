"""A small SMS centre by hand, for what no library lets one do: silence, cuts, the same message again."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_SPEC = struct.Struct(">IIII")


@dataclass
class Said:
    """One unit that we got."""

    command: int
    status: int
    sequence: int
    body: bytes


@dataclass
class Centre:
    """One session at a time. `bind_status` answers binds, `statuses` the next submits; None: no answer."""

    port: int = 0
    bind_status: int = 0
    statuses: list[int | None] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    deaf: bool = False
    _writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            while True:
                size, command, status, sequence = _SPEC.unpack(await reader.readexactly(16))
                one = Said(command, status, sequence, await reader.readexactly(size - 16))
                self.said.append(one)
                if command < 0x80000000 and not self.deaf:
                    self._answer(one)
        writer.close()

    def _answer(self, one: Said) -> None:
        if one.command in (1, 9):
            self.say(one.command | 0x80000000, one.sequence, b"centre\0", self.bind_status)
        elif one.command == 4:
            status = self.statuses.pop(0) if self.statuses else 0
            if status is not None:
                self.say(0x80000004, one.sequence, b"%X\0" % (0xA0 + one.sequence), status)
        else:
            self.say(one.command | 0x80000000, one.sequence)

    def say(self, command: int, sequence: int, body: bytes = b"", status: int = 0) -> None:
        """Write one unit."""
        assert self._writer is not None
        self._writer.write(_SPEC.pack(16 + len(body), command, status, sequence) + body)

    def deliver(self, unit: bytes, sequence: int) -> None:
        """A deliver_sm that was written elsewhere, under a number of its own."""
        self.say(5, sequence, unit[16:])

    def hang_up(self) -> None:
        """Cut the connection."""
        assert self._writer is not None
        self._writer.transport.abort()

    def got(self, command: int) -> list[Said]:
        """Every unit of this command."""
        return [one for one in self.said if one.command == command]


@asynccontextmanager
async def centre() -> AsyncIterator[Centre]:
    """The centre on a free port of its own."""
    found = Centre()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
