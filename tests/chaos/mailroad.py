"""The road to the mail server, which sees each letter as its sender does: what was on it when it broke."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tests.chaos import starting
from tests.support.ports import free_ports
from tests.support.proxy import HOST, Direction, Proxy, Target

MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*<([^>]+)>")
MOMENT = 0.1
"""Seconds that a sender, on a machine as busy as this one, may need from the arrival of an answer at its
socket to the note it makes of it."""


@dataclass(frozen=True)
class Answered:
    """A connection that broke after the answer, before another command. `age` is how many seconds after.

    `unread`: the sender's system reset it instead of closing it, as it does when a process dies that has
    not taken out of its socket what lies there. The sender itself was in DATA still.
    """

    age: float
    unread: bool


@dataclass
class Losses:
    """Letters whose connection broke, by Message-ID ('' when it did not come so far)."""

    in_data: list[str] = field(default_factory=list)
    """After DATA, before the answer to the letter had arrived at the sender's socket."""
    answered: dict[str, Answered] = field(default_factory=dict)

    def just_answered(self, *, unread: bool) -> set[str]:
        """Those whose sender had no time to read the answer, or to make a note of what it had read."""
        found = self.answered.items()
        return {letter for letter, one in found if one.unread == unread and one.age < MOMENT}


class _Talk:
    """One connection: which letter is on it, and whether it was answered."""

    def __init__(self) -> None:
        self._letter: bytes | None = None
        self._answered_at: float | None = None
        self._reset = False

    def said(self, chunk: bytes | None) -> None:
        """The sender's words, b'' when it closed, None when it was reset.

        It says nothing more before it has read the answer.
        """
        self._reset = chunk is None
        if not chunk:
            return
        if self._answered_at is not None:
            self._letter = self._answered_at = None
        if chunk.upper() == b"DATA\r\n":
            self._letter = b""
        elif self._letter is not None:
            self._letter += chunk

    def heard(self, chunk: bytes, now: float) -> None:
        """The server's words, now at the sender's socket."""
        if self._letter is None or chunk.startswith(b"3"):
            return
        self._answered_at = now

    def lost(self, losses: Losses, now: float) -> None:
        """It broke."""
        if self._letter is None:
            return
        found = MESSAGE_ID.search(self._letter)
        letter = found[1].decode() if found else ""
        if self._answered_at is None:
            losses.in_data.append(letter)
        else:
            losses.answered[letter] = Answered(now - self._answered_at, self._reset)


class _Overheard:
    """A reader that passes on what it reads to someone else, too, in the moment it comes."""

    def __init__(self, reader: asyncio.StreamReader, said: Callable[[bytes | None], None]) -> None:
        self._reader = reader
        self._said = said

    async def read(self, count: int) -> bytes:
        try:
            chunk = await self._reader.read(count)
        except ConnectionResetError:
            self._said(None)
            raise
        self._said(chunk)
        return chunk


class MailRoad(Proxy):
    """A proxy before the mail server."""

    def __init__(self, target: Target, host: str = HOST, port: int = 0) -> None:
        super().__init__(target, host, port)
        self.losses = Losses()
        self._talks: dict[asyncio.StreamWriter, _Talk] = {}

    async def _both(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream_reader: asyncio.StreamReader,
        upstream_writer: asyncio.StreamWriter,
    ) -> None:
        talk = self._talks[writer] = _Talk()
        overheard = cast(asyncio.StreamReader, _Overheard(reader, talk.said))
        try:
            await super()._both(overheard, writer, upstream_reader, upstream_writer)
        finally:
            talk.lost(self.losses, time.monotonic())
            del self._talks[writer]

    async def _forward(self, chunk: bytes, writer: asyncio.StreamWriter, direction: Direction) -> bool:
        alive = await super()._forward(chunk, writer, direction)
        if alive and (talk := self._talks.get(writer)):
            talk.heard(chunk, time.monotonic())
        return alive


@asynccontextmanager
async def before_mail(log: Path, seed: int, host: str = HOST, port: int = 0) -> AsyncIterator[MailRoad]:
    """A mail server in a process of its own that writes to `log`, and the road that leads to it."""
    (behind,) = free_ports(1)
    server = starting.context.Process(target=starting.sink, args=(log, behind, seed), daemon=True)
    await asyncio.to_thread(server.start)
    road = MailRoad(Target(port=behind), host, port)
    try:
        await road.start()
        yield road
    finally:
        await road.close()
        server.kill()
