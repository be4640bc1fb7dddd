"""An SMTP server that takes every letter and keeps none, in a process of its own.

`python -m tests.bench.sink` prints its SMTP port and a port that tells, to whoever connects, how many
letters came so far.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session


class _Counting:
    """aiosmtpd's handler."""

    count = 0

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, _envelope: Envelope
    ) -> str:
        self.count += 1
        return "250 2.0.0 taken"

    async def tell(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"%d\n" % self.count)
        writer.close()


@dataclass(frozen=True)
class Sink:
    """A running one."""

    pid: int
    port: int
    counter: int

    async def count(self) -> int:
        """How many letters it took so far."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.counter)
        told = await reader.read()
        writer.close()
        return int(told)


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    """A sink, gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout
        port, counter = map(int, (await process.stdout.readline()).split())
        yield Sink(process.pid, port, counter)
    finally:
        process.kill()
        await process.wait()


async def main() -> None:
    """Serve until killed."""
    loop, handler = asyncio.get_running_loop(), _Counting()
    letters = await loop.create_server(
        lambda: SMTP(handler, hostname="sink", enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    counts = await asyncio.start_server(handler.tell, "127.0.0.1", 0)
    print(letters.sockets[0].getsockname()[1], counts.sockets[0].getsockname()[1], flush=True)
    await asyncio.gather(letters.serve_forever(), counts.serve_forever())


if __name__ == "__main__":
    uvloop.run(main())
