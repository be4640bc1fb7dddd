"""An SMTP server in a process of its own that writes down what it took and whom it lost in the middle.

It is what letters are counted by, so it trusts nobody's word but its own: one line per event, on disk
before the answer goes out.
"""

import asyncio
import itertools
import json
import os
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*<([^>]+)>")
_SLOWEST = 0.03
HOST = "127.0.0.1"


class Sink:
    """The server: takes everything, at a pace that leaves a moment to be killed in."""

    def __init__(self, log: Path, seed: int) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._chance = random.Random(seed)
        self._numbers = itertools.count(1)

    def _write(self, connection: int, event: str, letter: str = "") -> None:
        row = {"at": time.monotonic(), "connection": connection, "event": event, "letter": letter}
        os.write(self._log, json.dumps(row).encode() + b"\n")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        number, tidy = next(self._numbers), False
        try:
            tidy = await self._talk(number, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._write(number, "left" if tidy else "lost")
            writer.transport.abort()

    async def _talk(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer commands until the client leaves; whether it said so."""
        await _say(writer, b"220 sink")
        while line := await reader.readline():
            command = line.strip().upper()
            if command == b"DATA":
                await self._take(number, reader, writer)
            elif command == b"QUIT":
                await _say(writer, b"221 bye")
                return True
            else:
                self._write(number, "command")
                await _say(writer, b"250 ok")
        return False

    async def _take(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._write(number, "data")
        await _say(writer, b"354 go on")
        lines = []
        while (line := await reader.readuntil(b"\n")) != b".\r\n":
            lines.append(line)
        await asyncio.sleep(self._chance.random() * _SLOWEST)
        found = _MESSAGE_ID.search(b"".join(lines))
        self._write(number, "took", found[1].decode() if found else "")
        await asyncio.sleep(self._chance.random() * _SLOWEST)
        await _say(writer, b"250 taken")


async def _say(writer: asyncio.StreamWriter, words: bytes) -> None:
    writer.write(words + b"\r\n")
    await writer.drain()


async def _run(log: Path, port: int, seed: int) -> None:
    sink = Sink(log, seed)
    server = await asyncio.start_server(sink.serve, HOST, port, limit=1024 * 1024)
    async with server:
        await server.serve_forever()


def main(log: Path, port: int, seed: int) -> None:
    """The process."""
    asyncio.run(_run(log, port, seed))


@dataclass
class Post:
    """What the sink has written down."""

    taken: Counter[str] = field(default_factory=Counter)
    """How often each letter was taken, by Message-ID."""
    in_data: int = 0
    """Connections lost with a DATA that was not answered."""
    just_taken: int = 0
    """Connections lost in the moment after an answer, before another command."""


def read_post(log: Path, moment: float = 1.0) -> Post:
    """The whole log. `moment` is how many seconds an answer may need to be recorded by its reader."""
    post = Post()
    last: dict[int, tuple[str, float]] = {}
    for line in log.read_text().splitlines() if log.exists() else ():
        row = json.loads(line)
        event, at = row["event"], row["at"]
        before, since = last.get(row["connection"], ("", at))
        if event == "took":
            post.taken[row["letter"]] += 1
        elif event == "lost":
            post.in_data += before == "data"
            post.just_taken += before == "took" and at - since < moment
        last[row["connection"]] = event, at
    return post
