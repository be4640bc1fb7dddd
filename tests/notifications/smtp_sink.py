"""A real SMTP server (aiosmtpd) that counts what it was given and can be told to misbehave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

Fault = Callable[["Sink", SMTP, Envelope], Awaitable[str | None]]


@dataclass
class Taken:
    """One letter as the server has it, whether or not it said so."""

    sender: str
    recipient: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=SMTP_POLICY)


@dataclass
class Sink:
    """`at` maps MAIL, RCPT or DATA to a fault; DATA is after the final dot."""

    letters: list[Taken] = field(default_factory=list)
    at: dict[str, Fault] = field(default_factory=dict)
    sessions: int = 0
    open: set[SMTP] = field(default_factory=set)
    port: int = 0
    server: asyncio.AbstractServer | None = None

    def subjects(self) -> list[str]:
        return [str(letter.message["Subject"]) for letter in self.letters]

    def recipients(self) -> list[str]:
        return [letter.recipient for letter in self.letters]

    async def _fault(self, phase: str, server: SMTP, envelope: Envelope) -> str | None:
        fault = self.at.get(phase)
        return await fault(self, server, envelope) if fault else None

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := await self._fault("MAIL", server, envelope):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 fine"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if answer := await self._fault("RCPT", server, envelope):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if answer := await self._fault("DATA", server, envelope):
            return answer
        self.take(envelope)
        return "250 2.0.0 taken"

    def take(self, envelope: Envelope) -> None:
        content = envelope.content
        assert isinstance(content, bytes)
        self.letters.append(Taken(envelope.mail_from or "", envelope.rcpt_tos[0], content))


class _Server(SMTP):
    def __init__(self, sink: Sink, **options: Any) -> None:
        super().__init__(sink, hostname="sink.test", enable_SMTPUTF8=True, **options)
        self._sink = sink

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._sink.sessions += 1
        self._sink.open.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._sink.open.discard(self)
        super().connection_lost(error)


@asynccontextmanager
async def sink(port: int = 0, **options: Any) -> AsyncIterator[Sink]:
    """A server on loopback; `port` 0 takes a free one."""
    made = Sink()
    loop = asyncio.get_running_loop()
    made.server = await loop.create_server(lambda: _Server(made, **options), "127.0.0.1", port)
    made.port = made.server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        made.server.close()
        for session in list(made.open):
            hang_up(session)
        await made.server.wait_closed()
        await asyncio.sleep(0)


def hang_up(session: SMTP) -> None:
    """Cut the connection."""
    if session.transport:
        cast(asyncio.Transport, session.transport).abort()


def answers(text: str) -> Fault:
    """Answer this instead."""

    async def fault(_sink: Sink, _server: SMTP, _envelope: Envelope) -> str:
        return text

    return fault


def slow(seconds: float) -> Fault:
    """Answer late."""

    async def fault(_sink: Sink, _server: SMTP, _envelope: Envelope) -> None:
        await asyncio.sleep(seconds)

    return fault


def held(until: asyncio.Event) -> Fault:
    """Answer when told to."""

    async def fault(_sink: Sink, _server: SMTP, _envelope: Envelope) -> None:
        await until.wait()

    return fault


async def cut(_sink: Sink, server: SMTP, _envelope: Envelope) -> str:
    """Lose the connection here; with DATA, after the final dot and without taking the letter."""
    hang_up(server)
    return "250 never heard"


async def take_and_cut(sink: Sink, server: SMTP, envelope: Envelope) -> str:
    """Take the letter, then lose the connection before saying so."""
    sink.take(envelope)
    hang_up(server)
    return "250 never heard"


async def take_in_silence(sink: Sink, _server: SMTP, envelope: Envelope) -> str:
    """Take the letter and never say so."""
    sink.take(envelope)
    await asyncio.sleep(60)
    return "250 too late"


async def close_421(_sink: Sink, server: SMTP, _envelope: Envelope) -> str:
    """Too many letters in this session, says the server, and hangs up."""
    asyncio.get_running_loop().call_later(0.01, hang_up, server)
    return "421 4.7.0 too many messages in this session"


def once(fault: Fault, times: int = 1) -> Fault:
    """Misbehave so many times, then no more."""
    left = times

    async def limited(sink: Sink, server: SMTP, envelope: Envelope) -> str | None:
        nonlocal left
        if left == 0:
            return None
        left -= 1
        return await fault(sink, server, envelope)

    return limited
