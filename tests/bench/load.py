"""Load over kept connections, in a process of its own: each sends a form, waits for the answer, goes on.

`python -m tests.bench.load URL CONNECTIONS SECONDS FILE` writes JSON. Parses no more of an answer
than it needs, so that it takes little of the machine from what it measures.
"""

import asyncio
import json
import os
import sys
import time
from array import array
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import cast
from urllib.parse import urlsplit

import uvloop

from tests.bench.contender import Measured

_HEAD = (
    "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    "accept: application/json\r\nuser-agent: bench\r\norigin: http://localhost:3000\r\ncontent-length: "
)
_FORM = (
    "your-name=Anna+{n}&tel=%2B7900{digits}&your-email=anna-{n}%40example.com"
    "&news=on&question=How+much+is+the+evening+course%3F&page=%2Fprices"
)


def form(run: str, number: int) -> bytes:
    """A form by a person who was not there before. `run` tells one run of the bench from another."""
    digits = f"{(int(run, 16) * 1_000_003 + number) % 10_000_000:07d}"
    return _FORM.format(n=f"{run}-{number}", digits=digits).encode()


class _Results:
    def __init__(self) -> None:
        self.latencies, self.instants = array("d"), array("d")
        self.sent = self.failed = 0


class _Client(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self, head: bytes, run: str, results: _Results, done: "asyncio.Future[None]") -> None:
        self._head, self._run, self._results, self._done = head, run, results, done
        self.closed = asyncio.Event()
        self._answer = b""
        self._begin = self._until = self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def start(self, begin: float, until: float) -> None:
        self._begin, self._until = begin, until
        self._ask()

    async def stop(self) -> None:
        self._transport.close()
        await self.closed.wait()

    def _ask(self) -> None:
        body = form(self._run, self._results.sent)
        self._results.sent += 1
        self._asked = time.monotonic()
        self._transport.write(self._head + b"%d\r\n\r\n%b" % (len(body), body))

    def data_received(self, data: bytes) -> None:
        answer = self._answer = self._answer + data if self._answer else data
        end = answer.find(b"\r\n\r\n")
        if end < 0 or len(answer) - end - 4 < _length(answer, end):
            return
        now = time.monotonic()
        if answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 204")):
            self._results.latencies.append(now - self._asked)
            self._results.instants.append(now - self._begin)
        else:
            self._results.failed += 1
        self._answer = b""
        if now < self._until:
            self._ask()
        elif not self._done.done():
            self._done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        if not self._done.done():
            self._results.failed += 1
            self._done.set_result(None)


def _length(answer: bytes, end: int) -> int:
    at = answer.lower().find(b"content-length:", 0, end)
    return int(answer[at + 15 : answer.find(b"\r\n", at)]) if at >= 0 else 0


async def attack(url: str, connections: int, seconds: float) -> Measured:
    """Load in this process. Connects first, then measures."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(url)
    head = _HEAD.format(path=parts.path, host=parts.netloc).encode()
    results, run = _Results(), os.urandom(4).hex()
    ends = [loop.create_future() for _ in range(connections)]
    clients = []
    for end in ends:
        _, client = await loop.create_connection(
            lambda end=end: _Client(head, run, results, end),  # type: ignore[misc]
            parts.hostname or "",
            parts.port or 80,
        )
        clients.append(client)
    begun, cpu = time.monotonic(), time.process_time()
    for client in clients:
        client.start(begun, begun + seconds)
    await asyncio.wait(ends, timeout=seconds + 30)
    took, burned = time.monotonic() - begun, time.process_time() - cpu
    for client in clients:
        await client.stop()
    done = len(results.latencies)
    failed = results.sent - done
    return Measured(done, took, list(results.latencies), list(results.instants), failed, burned)


async def forms(url: str, connections: int, seconds: float) -> Measured:
    """Load from a process of its own."""
    with NamedTemporaryFile() as told:
        given = (url, str(connections), str(seconds), told.name)
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, *given)
        assert await process.wait() == 0
        return Measured(**json.load(told))


if __name__ == "__main__":
    measured = uvloop.run(attack(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
    Path(sys.argv[4]).write_text(json.dumps(vars(measured)))
