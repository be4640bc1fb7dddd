"""Mail as no honest server sends it."""

import asyncio
import time

from tests.hostile.attack import Attack, Run, nothing_stored
from tests.hostile.target import Target

_HEAD = b"From: Planted <planted@hostile.test>\r\nTo: hello@school.example\r\nSubject: Plantedsubject\r\n"
_END = b"\r\n.\r\n"


def _stored(*content: bytes) -> Run:
    """DATA with this content; the reply, and how many mails that made."""

    async def run(target: Target) -> str:
        before = await target.stored()
        async with target.smtp() as session:
            await session.open()
            reply = await session.say(*content, _END)
        return f"{reply}, {await target.stored() - before} stored"

    return run


def _said(*lines: bytes) -> Run:
    """One command after the other; the last reply."""

    async def run(target: Target) -> str:
        async with target.smtp() as session:
            reply = ""
            for line in lines:
                reply = await session.say(line)
            return reply

    return nothing_stored(run)


async def _many_recipients(target: Target) -> str:
    async with target.smtp() as session:
        await session.say(b"EHLO attacker.test\r\n")
        await session.say(b"MAIL FROM:<a@evil.test>\r\n")
        replies = [
            await session.say(b"RCPT TO:<hello+%d@school.example>\r\n" % number) for number in range(102)
        ]
    return f"{replies.count('250')} taken, then {replies[-1]}"


async def _junk(target: Target) -> str:
    """Commands without waiting for replies, most of them none: the session ends or each is refused."""
    async with target.smtp() as session:
        await session.say(b"EHLO attacker.test\r\n")
        return await session.say(*[b"\x00\xff" * 50 + b"\r\n"] * 30)


async def _header_bomb(target: Target) -> str:
    """However many headers: other senders are answered meanwhile."""
    bomb = b"".join(b"X-H%d: a\r\n" % number for number in range(100_000))

    async def others() -> float:
        slowest = 0.0
        for _ in range(40):
            begun = time.perf_counter()
            await target.send("GET", "/livez")
            slowest = max(slowest, time.perf_counter() - begun)
        return slowest

    reply, slowest = await asyncio.gather(_stored(_HEAD, bomb, b"\r\nbody")(target), others())
    return f"{reply}, others {'answered' if slowest < 1.5 else f'waited {slowest:.1f} s'}"


MAIL = [
    Attack(
        "smtp",
        "smuggling: bare LF around the dot",
        "250, 1 stored",
        _stored(_HEAD, b"\r\nfirst\n.\nMAIL FROM:<x@evil.test>\r\n"),
    ),
    Attack(
        "smtp",
        "smuggling: LF dot CRLF",
        "250, 1 stored",
        _stored(_HEAD, b"\r\nsecond\n.\r\nMAIL FROM:<x@evil.test>\r\n"),
    ),
    Attack(
        "smtp",
        "smuggling: CR dot CR",
        "250, 1 stored",
        _stored(_HEAD, b"\r\nthird\r.\rMAIL FROM:<x@evil.test>\r\n"),
    ),
    Attack("smtp", "a line of 200,000 characters", "500, 0 stored", _stored(_HEAD, b"\r\n" + b"a" * 200_000)),
    Attack("smtp", "12 MB", "552, 0 stored", _stored(_HEAD, b"\r\n", *[b"a" * 998 + b"\r\n"] * 12_600)),
    Attack(
        "smtp", "NUL and broken bytes", "250, 1 stored", _stored(_HEAD, b"X-\0: \xff\xfe\r\n\r\n\0\xff\xfe")
    ),
    Attack("smtp", "100,000 headers", "(250, 1|552, 0) stored, others answered", _header_bomb),
    Attack(
        "smtp",
        "a mail that runs in a circle",
        "554, 0 stored",
        _stored(b"Received: x\r\n" * 60, _HEAD, b"\r\n"),
    ),
    Attack("smtp", "101 recipients", "100 taken, then 452", _many_recipients),
    Attack(
        "smtp",
        "a recipient of nobody",
        "550",
        _said(b"EHLO a\r\n", b"MAIL FROM:<a@evil.test>\r\n", b"RCPT TO:<root@evil.test>\r\n"),
    ),
    Attack(
        "smtp",
        "DATA without a recipient",
        "503",
        _said(b"EHLO a\r\n", b"MAIL FROM:<a@evil.test>\r\n", b"DATA\r\n"),
    ),
    Attack("smtp", "asking for names", "252|502", _said(b"EHLO a\r\n", b"VRFY root\r\n")),
    Attack(
        "smtp",
        "an 8-bit address without SMTPUTF8",
        "5..",
        _said(b"EHLO a\r\n", b"MAIL FROM:<\xff\xfe@evil.test>\r\n"),
    ),
    Attack(
        "smtp",
        "a UTF-8 address with SMTPUTF8",
        "250",
        _said(b"EHLO a\r\n", "MAIL FROM:<имя@evil.test> SMTPUTF8\r\n".encode()),
    ),
    Attack("smtp", "a command of 10,000 characters", "500", _said(b"EHLO " + b"a" * 10_000 + b"\r\n")),
    Attack(
        "smtp", "announcing 1 GB", "552", _said(b"EHLO a\r\n", b"MAIL FROM:<a@evil.test> SIZE=1000000000\r\n")
    ),
    Attack("smtp", "pipelined junk", "500|502|421|closed", _junk),
]
