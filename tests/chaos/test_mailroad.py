"""The road to the mail server knows which letter was on a connection that broke, and how far it was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.mailroad import MOMENT, Answered, Losses, MailRoad
from tests.chaos.sink import Sink, read_post
from tests.chaos.wire import HOST
from tests.support.proxy import Target
from tests.support.wait import until

LETTER = b"Message-ID: <m1@school.example>\r\n\r\nhello\r\n"
# What the server says in all: its greeting, three times that it is well, to go on, and that it took it.
LENGTH = len(b"220 sink\r\n" + 3 * b"250 ok\r\n" + b"354 go on\r\n" + b"250 taken\r\n")
ENVELOPE = (b"EHLO us", b"MAIL FROM:<a@school.example>", b"RCPT TO:<b@client.example>", b"DATA")


@asynccontextmanager
async def road(log: Path) -> AsyncIterator[MailRoad]:
    server = await asyncio.start_server(Sink(log, 1).serve, HOST, 0)
    before = MailRoad(Target(port=server.sockets[0].getsockname()[1]))
    await before.start()
    try:
        yield before
    finally:
        await before.close()
        server.close()


class Sender:
    """Speaks with the mail server by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def calling(cls, road: MailRoad) -> "Sender":
        sender = cls(*await asyncio.open_connection(HOST, road.port))
        assert await sender.answer() == b"220"
        return sender

    def say(self, words: bytes) -> None:
        self._writer.write(words)

    async def answer(self) -> bytes:
        return (await self._reader.readline())[:3]

    async def to_data(self) -> None:
        for command in ENVELOPE:
            self.say(command + b"\r\n")
            assert await self.answer() in (b"250", b"354")

    def deaf(self) -> None:
        """Read no more."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def die(self) -> None:
        self._writer.transport.abort()


async def lost(road: MailRoad) -> Losses:
    await until(lambda: not road._talks)
    return road.losses


async def test_a_sender_that_dies_before_the_answer_was_in_data(tmp_path: Path) -> None:
    async with road(tmp_path / "log") as way:
        sender = await Sender.calling(way)
        await sender.to_data()
        sender.say(LETTER + b".\r\n")
        await until(lambda: read_post(tmp_path / "log", way.losses).taken)
        way.freeze()
        sender.die()
        assert (await lost(way)).in_data == ["m1@school.example"]
        assert way.losses.answered == {}


async def test_a_letter_lost_on_a_road_that_is_cut_has_no_name(tmp_path: Path) -> None:
    async with road(tmp_path / "log") as way:
        sender = await Sender.calling(way)
        await sender.to_data()
        # All of it has left the sender; the road had no turn to read it.
        sender.say(LETTER + b".\r\n")
        way.cut()
        assert (await lost(way)).in_data == [""]
        assert way.losses.answered == {}


async def test_one_that_dies_with_the_answer_at_its_socket_has_not_read_it(tmp_path: Path) -> None:
    async with road(tmp_path / "log") as way:
        sender = await Sender.calling(way)
        await sender.to_data()
        sender.deaf()
        sender.say(LETTER + b".\r\n")
        await until(lambda: way.passed["down"] >= LENGTH)
        sender.die()
        await lost(way)
        assert way.losses.just_answered(unread=True) == {"m1@school.example"}
        assert way.losses.just_answered(unread=False) == set()


async def test_one_that_dies_right_after_it_has_read_is_told_apart(tmp_path: Path) -> None:
    async with road(tmp_path / "log") as way:
        sender = await Sender.calling(way)
        await sender.to_data()
        sender.say(LETTER + b".\r\n")
        assert await sender.answer() == b"250"
        sender.die()
        assert (await lost(way)).in_data == []
        assert way.losses.just_answered(unread=True) == set()
        assert way.losses.just_answered(unread=False) == {"m1@school.example"}


@pytest.mark.parametrize("words", [b"RSET\r\n", b"MAIL FROM:<a@school.example>\r\n"])
async def test_who_says_more_has_read_the_answer(tmp_path: Path, words: bytes) -> None:
    async with road(tmp_path / "log") as way:
        sender = await Sender.calling(way)
        await sender.to_data()
        sender.say(LETTER + b".\r\n")
        assert await sender.answer() == b"250"
        sender.say(words)
        assert await sender.answer() == b"250"
        sender.die()
        assert await lost(way) == Losses()


async def test_a_connection_lost_outside_of_a_letter_pays_for_none(tmp_path: Path) -> None:
    async with road(tmp_path / "log") as way:
        sender = await Sender.calling(way)
        sender.say(b"EHLO us\r\n")
        assert await sender.answer() == b"250"
        sender.die()
        assert await lost(way) == Losses()


@pytest.mark.parametrize("unread", [True, False])
def test_an_answer_long_ago_is_no_excuse(unread: bool) -> None:
    assert Losses(answered={"m1": Answered(MOMENT + 0.001, unread)}).just_answered(unread=unread) == set()
