import asyncio
import socket
import threading
import time

import pytest

from services.notifications.delivery.line import CannotConnect, Line, Parcel, Server
from services.notifications.delivery.outcome import Outcome
from tests.notifications.smtp_sink import (
    Sink,
    answers,
    close_421,
    cut,
    once,
    sink,
    slow,
    take_and_cut,
)

PARCEL = Parcel("hello@school.example", "ann@client.example", b"Subject: x\r\n\r\n.hello\r\n.\r\n..\r\nbye\n")


def server(to: Sink, **given: float) -> Server:
    return Server("127.0.0.1", to.port, command_timeout=given.get("timeout", 5), letter_timeout=5)


async def carry(to: Sink, parcel: Parcel = PARCEL, **given: float) -> tuple[Outcome, Line]:
    line = Line(server(to, **given))
    await line.open()
    outcome = await line.carry(parcel)
    return outcome, line


async def test_a_letter_arrives_byte_for_byte_with_its_dots() -> None:
    async with sink() as to:
        outcome, line = await carry(to)
        await line.close()
    assert outcome == Outcome("sent", "250 2.0.0 at DOT")
    assert to.letters[0].content == PARCEL.content.replace(b"bye\n", b"bye\r\n")
    assert (to.letters[0].sender, to.letters[0].recipient) == (PARCEL.sender, PARCEL.recipient)


async def test_one_connection_carries_many_letters() -> None:
    async with sink() as to:
        _, line = await carry(to)
        for _ in range(20):
            assert (await line.carry(PARCEL)).kind == "sent"
        await line.close()
    assert (to.sessions, len(to.letters), line.carried) == (1, 21, 21)


@pytest.mark.parametrize("size", [100, 70_000, 3_000_000])
async def test_large_letters_arrive_whole(size: int) -> None:
    content = b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * (size // 18)
    async with sink(data_size_limit=10_000_000) as to:
        outcome, line = await carry(to, Parcel("a@b.example", "c@d.example", content))
        await line.close()
    assert outcome.kind == "sent"
    assert to.letters[0].content == content


@pytest.mark.parametrize(
    ("phase", "reply", "kind", "detail"),
    [
        ("MAIL", "451 4.3.0 later, ann@client.example", "deferred", "451 4.3.0 at MAIL"),
        ("MAIL", "550 5.7.1 no", "refused", "550 5.7.1 at MAIL"),
        ("MAIL", "530 5.7.0 sign in first", "deferred", "530 5.7.0 at MAIL"),
        ("RCPT", "450 4.2.1 greylisted", "deferred", "450 4.2.1 at RCPT"),
        ("RCPT", "550 5.1.1 unknown: ann@client.example", "refused", "550 5.1.1 at RCPT"),
        ("DATA", "452 4.3.1 full", "deferred", "452 4.3.1 at DOT"),
        ("DATA", "554 5.7.1 spam", "refused", "554 5.7.1 at DOT"),
        ("DATA", "250", "sent", "250 at DOT"),
    ],
)
async def test_replies_are_told_by_phase_and_code_and_never_by_their_words(
    phase: str, reply: str, kind: str, detail: str
) -> None:
    async with sink() as to:
        to.at[phase] = once(answers(reply))
        outcome, line = await carry(to)
        assert outcome == Outcome(kind, detail)  # type: ignore[arg-type]
        after = await line.carry(PARCEL)
        await line.close()
    assert after.kind == "sent", "a refused letter leaves nothing behind"
    assert to.sessions == 1


@pytest.mark.parametrize("phase", ["MAIL", "RCPT"])
async def test_a_connection_lost_before_the_dot_means_not_sent(phase: str) -> None:
    async with sink() as to:
        to.at[phase] = cut
        outcome, line = await carry(to)
    assert outcome == Outcome("deferred", f"connection lost at {phase}")
    assert not line.usable


@pytest.mark.parametrize("fault", [cut, take_and_cut])
async def test_a_connection_lost_after_the_dot_leaves_it_open(fault) -> None:  # type: ignore[no-untyped-def]
    async with sink() as to:
        to.at["DATA"] = fault
        outcome, line = await carry(to)
    assert outcome == Outcome("unknown", "connection lost at DOT")
    assert not line.usable


async def test_no_answer_after_the_dot_leaves_it_open() -> None:
    async with sink() as to:
        to.at["DATA"] = slow(2)
        outcome, line = await carry(to, timeout=0.2)
    assert outcome == Outcome("unknown", "timeout at DOT")
    assert not line.usable


@pytest.mark.parametrize("phase", ["MAIL", "RCPT"])
async def test_no_answer_before_the_dot_means_not_sent(phase: str) -> None:
    async with sink() as to:
        to.at[phase] = slow(2)
        outcome, line = await carry(to, timeout=0.2)
    assert outcome == Outcome("deferred", f"timeout at {phase}")
    assert not line.usable


async def test_a_goodbye_in_the_middle_of_the_session_means_not_sent() -> None:
    async with sink() as to:
        to.at["MAIL"] = close_421
        outcome, line = await carry(to)
    assert outcome == Outcome("deferred", "421 4.7.0 at MAIL")
    assert not line.usable


async def test_a_server_that_stops_reading_the_body_has_not_got_the_letter() -> None:
    async def read_little(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 odd\r\n")
        for answer in (b"250 odd\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await reader.readline()
            writer.write(answer)
        await reader.readexactly(1000)
        writer.transport.abort()

    odd = await asyncio.start_server(read_little, "127.0.0.1", 0)
    async with odd:
        line = Line(Server("127.0.0.1", odd.sockets[0].getsockname()[1], command_timeout=5))
        await line.open()
        body = Parcel("a@b.example", "c@d.example", b"x" * 70 + b"\r\n" + b"y" * 50_000_000)
        outcome = await line.carry(body)
    assert outcome == Outcome("deferred", "connection lost at BODY")


@pytest.mark.parametrize("recipient", ["ann@client.example>\r\nRSET", "ann\x00@client.example"])
async def test_an_address_cannot_smuggle_a_command(recipient: str) -> None:
    async with sink() as to:
        outcome, _ = await carry(to, Parcel("a@b.example", recipient, PARCEL.content))
    assert outcome.kind == "refused"
    assert to.letters == []


async def test_an_international_address_goes_to_servers_that_take_it() -> None:
    async with sink() as to:
        outcome, line = await carry(to, Parcel("a@b.example", "иван@xn--e1afmkfd.xn--p1ai", PARCEL.content))
        await line.close()
    assert outcome.kind == "sent"
    assert to.recipients() == ["иван@xn--e1afmkfd.xn--p1ai"]


async def test_nobody_listening_is_a_reason_not_to_start() -> None:
    async with sink() as to:
        gone = server(to)
    with pytest.raises(CannotConnect):
        await Line(gone).open()


async def test_starttls_that_is_demanded_is_not_done_without() -> None:
    async with sink() as to:
        secure = Server("127.0.0.1", to.port, tls="starttls", connect_timeout=3)
        with pytest.raises(CannotConnect):
            await Line(secure).open()
        assert to.letters == []


def answering_after(seconds: float, listening: socket.socket) -> None:
    """A server in a thread of its own: takes one letter and says so this much later."""
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as said:
        connection.sendall(b"220 here\r\n")
        for line in said:
            if line == b".\r\n":
                time.sleep(seconds)
                connection.sendall(b"250 2.0.0 taken\r\n")
            elif line.startswith((b"EHLO", b"MAIL", b"RCPT")):
                connection.sendall(b"250 ok\r\n")
            elif line == b"DATA\r\n":
                connection.sendall(b"354 go on\r\n")


async def test_an_answer_that_came_while_this_process_stood_still_is_heard() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answering_after, args=(0.05, listening), daemon=True).start()
        given = Server("127.0.0.1", listening.getsockname()[1], command_timeout=0.2, letter_timeout=0.2)
        line = Line(given)
        await line.open()

        def stand_still() -> None:
            asyncio.get_running_loop().call_later(0.01, time.sleep, 0.4)

        outcome = await line.carry(PARCEL, stand_still)
        line.drop()
    assert outcome == Outcome("sent", "250 2.0.0 at DOT")
