"""An SMTP server that counts letters and remembers when each came, in a process of its own.

`python -m tests.bench.journey_sink FILE` prints its port and serves until its input ends. FILE holds one
double per letter: the time of the letter whose recipient is `person<number>@...`; slot 0 is their count.
"""

import asyncio
import contextlib
import mmap
import re
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session

_WIDTH = 8
_NUMBER = re.compile(r"person(\d+)@")


class Arrivals:
    """The file that server and reader share."""

    def __init__(self, path: Path, letters: int = 0) -> None:
        if letters:
            path.write_bytes(bytes(_WIDTH * (letters + 1)))
        with path.open("r+b") as file:
            self._slots = mmap.mmap(file.fileno(), 0)

    def _at(self, slot: int) -> float:
        return float(struct.unpack_from("d", self._slots, slot * _WIDTH)[0])

    def _put(self, slot: int, value: float) -> None:
        struct.pack_into("d", self._slots, slot * _WIDTH, value)

    def came(self, recipient: str) -> None:
        """One more letter."""
        found = _NUMBER.match(recipient)
        if found:
            self._put(int(found[1]) + 1, time.time())
        self._put(0, self.count + 1)

    @property
    def count(self) -> int:
        """Letters so far, repeats included."""
        return int(self._at(0))

    def times(self) -> list[float]:
        """When each came, in seconds since the epoch; 0 for one that did not."""
        return [self._at(slot) for slot in range(1, len(self._slots) // _WIDTH)]


class _Counting:
    """aiosmtpd's handler."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        for recipient in envelope.rcpt_tos:
            self._arrivals.came(recipient)
        return "250 2.0.0 counted"


async def serve(path: Path) -> None:
    """Print the port, then serve until standard input ends."""
    loop = asyncio.get_running_loop()
    handler = _Counting(Arrivals(path))
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="sink", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextlib.contextmanager
def sink(folder: Path, letters: int) -> Iterator[tuple[int, int, Arrivals]]:
    """The server in a process of its own: its port, its process id, what came."""
    arrivals = Arrivals(path := folder / f"arrivals-{time.monotonic_ns()}", letters)
    command: Sequence[str] = [sys.executable, "-m", __name__, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield int(process.stdout.readline()), process.pid, arrivals
        finally:
            process.stdin.close()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
