"""The cheapest SMTP server that obeys the protocol, in a process of its own: for measuring clients.

`python -m tests.notifications.fast_sink` prints its port and counts letters until its input is closed.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import cast

_REPLIES = {b"EHLO": b"250 fast", b"MAIL": b"250 ok", b"RCPT": b"250 ok", b"DATA": b"354 go",
            b"RSET": b"250 ok", b"QUIT": b"221 bye"}  # fmt: skip


class Session(asyncio.Protocol):
    """Answers at once; a letter ends at the first line with a lone dot."""

    taken = 0

    def __init__(self) -> None:
        self._buffer = b""
        self._in_letter = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 fast\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._step():
            pass

    def _step(self) -> bool:
        end = b"\r\n.\r\n" if self._in_letter else b"\r\n"
        line, found, rest = self._buffer.partition(end)
        if not found:
            return False
        self._buffer = rest
        if self._in_letter:
            self._in_letter = False
            Session.taken += 1
            self._transport.write(b"250 taken\r\n")
            return True
        verb = line[:4].upper()
        self._in_letter = verb == b"DATA"
        self._transport.write(_REPLIES.get(verb, b"502 no") + b"\r\n")
        return True


async def main() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Session, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(Session.taken, flush=True)


@contextlib.asynccontextmanager
async def fast_sink() -> AsyncIterator[int]:
    """The server in a process of its own; its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        yield int(await process.stdout.readline())
    finally:
        await process.communicate(b"")


if __name__ == "__main__":
    asyncio.run(main())
