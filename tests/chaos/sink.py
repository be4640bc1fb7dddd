"""An SMTP server in a process of its own that writes down what it took.

It is what letters are counted by, so it trusts nobody's word but its own: one line per letter, on disk
before the answer goes out.
"""

import asyncio
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.mailroad import MESSAGE_ID, Losses

_SLOWEST = 0.03
HOST = "127.0.0.1"


class Sink:
    """The server: takes everything, at a pace that leaves a moment to be killed in."""

    def __init__(self, log: Path, seed: int) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._chance = random.Random(seed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer commands until the client leaves."""
        await _say(writer, b"220 sink")
        while line := await reader.readline():
            command = line.strip().upper()
            if command == b"DATA":
                await self._take(reader, writer)
            elif command == b"QUIT":
                await _say(writer, b"221 bye")
                return
            else:
                await _say(writer, b"250 ok")

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _say(writer, b"354 go on")
        lines = []
        while (line := await reader.readuntil(b"\n")) != b".\r\n":
            lines.append(line)
        await asyncio.sleep(self._chance.random() * _SLOWEST)
        found = MESSAGE_ID.search(b"".join(lines))
        os.write(self._log, (found[1] if found else b"") + b"\n")
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
    """What the sink has written down, and what the road to it saw break."""

    taken: Counter[str] = field(default_factory=Counter)
    """How often each letter was taken, by Message-ID."""
    losses: Losses = field(default_factory=Losses)


def read_post(log: Path, losses: Losses) -> Post:
    """The whole log."""
    return Post(Counter(log.read_text().splitlines() if log.exists() else ()), losses)
