"""One kept SMTP connection. A letter goes over in phases, so that a failure says whether it can have arrived.

Source: RFC 5321 sections 3.3 and 4.1.1; RFC 1047 on what a timeout after the final dot leaves open.
"""

import asyncio
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, cast

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException

from services.notifications.delivery.outcome import Outcome, Phase, from_reply, from_silence

TlsMode = Literal["none", "starttls", "tls"]
_LINE_ENDS = re.compile(rb"\r\n|\n|\r")
_LEADING_DOTS = re.compile(rb"(?m)^\.")
_FLUSH_SECONDS = 0.005
_LATE_SECONDS = 0.1
_ONE_STROKE = 16 * 1024


class CannotConnect(Exception):
    """The server is not reachable or does not let us in; says why without secrets."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where letters are handed over, and how. Times are seconds."""

    host: str
    port: int
    tls: TlsMode = "none"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    local_hostname: str = "localhost"
    connect_timeout: float = 20
    command_timeout: float = 60
    letter_timeout: float = 120
    tls_context: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """What the server gets: envelope and content."""

    sender: str
    recipient: str
    content: bytes


class Line:
    """A connection that carries one letter at a time."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.carried = 0
        self.used_at = time.monotonic()
        self._answer: asyncio.Task[aiosmtplib.SMTPResponse] | None = None
        self._client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=server.command_timeout,
            local_hostname=server.local_hostname,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            tls_context=server.tls_context if server.tls != "none" else None,
            username=server.user,
            password=server.password,
        )

    @property
    def usable(self) -> bool:
        """Whether the connection stands."""
        return self._client.is_connected

    async def open(self) -> None:
        """Connect, secure, greet, sign in. Raises CannotConnect."""
        try:
            async with asyncio.timeout(self.server.connect_timeout):
                await self._client.connect()
                if self._client.is_ehlo_or_helo_needed:
                    await self._client.ehlo()
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            self.drop()
            code = f" {error.code}" if isinstance(error, SMTPResponseException) else ""
            raise CannotConnect(f"{type(error).__name__}{code}") from error
        except BaseException:
            self.drop()
            raise

    async def carry(self, parcel: Parcel, at_dot: Callable[[], None] = lambda: None) -> Outcome:
        """Hand one letter over. Never raises but for cancellation; a doubtful connection is dropped.

        `at_dot` is called just before the final dot may leave; when it raises, the dot does not.
        """
        phase = _Where("mail")
        try:
            async with asyncio.timeout(self.server.letter_timeout):
                outcome = await self._transact(parcel, phase, at_dot)
        except SMTPResponseException as error:
            self.drop()
            outcome = from_reply(phase.at, error.code, "")
        except (ValueError, UnicodeError):
            # An address that cannot stand in a command: refused here, before the server saw it.
            self.drop()
            outcome = Outcome("refused", "unusable address")
        except Exception as error:
            outcome = await self._late_answer(phase) or from_silence(phase.at, _what_happened(error))
            self.drop()
        except BaseException:
            self.drop()
            raise
        self.carried += 1
        self.used_at = time.monotonic()
        return outcome

    async def _transact(self, parcel: Parcel, phase: "_Where", at_dot: Callable[[], None]) -> Outcome:
        encoding, options = "ascii", b""
        if not (parcel.sender.isascii() and parcel.recipient.isascii()):
            if not self._client.supports_extension("smtputf8"):
                return Outcome("refused", "the server takes no such address (SMTPUTF8)")
            encoding, options = "utf-8", b" SMTPUTF8"
        for at, command, expected in (
            ("mail", b"MAIL FROM:<%b>%b" % (parcel.sender.encode(encoding), options), (250,)),
            ("rcpt", b"RCPT TO:<%b>" % parcel.recipient.encode(encoding), (250, 251)),
            ("data", b"DATA", (354,)),
        ):
            phase.at = at  # type: ignore[assignment]
            reply = await self._client.execute_command(command)
            if reply.code not in expected:
                return await self._reset(from_reply(phase.at, reply.code, reply.message))
        reply = await self._write(parcel.content, phase, at_dot)
        if reply.code == 421:
            self.drop()
        return from_reply("dot", reply.code, reply.message)

    async def _write(
        self, content: bytes, phase: "_Where", at_dot: Callable[[], None]
    ) -> aiosmtplib.SMTPResponse:
        """The body first, the final dot only when all of it has left this process.

        A small body leaves at one stroke with its dot: there is no moment in between to look.
        """
        protocol = self._client.protocol
        if protocol is None or protocol.transport is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        body = _stuffed(content)
        if len(body) > _ONE_STROKE:
            phase.at = "body"
            protocol.write(body)
            transport = cast(asyncio.WriteTransport, protocol.transport)
            # Transports tell nobody when they have written everything.
            while not transport.is_closing() and transport.get_write_buffer_size():  # noqa: ASYNC110
                await asyncio.sleep(_FLUSH_SECONDS)
            body = b""
        answer = self._answer = asyncio.create_task(protocol.read_response())
        answer.add_done_callback(lambda over: over.cancelled() or over.exception())
        # It listens from its first step on; what comes before nobody hears.
        await asyncio.sleep(0)
        if not self.usable:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        at_dot()
        phase.at = "dot"
        protocol.write(body + b".\r\n")
        async with asyncio.timeout(self.server.command_timeout):
            return await asyncio.shield(answer)

    async def _late_answer(self, phase: "_Where") -> Outcome | None:
        """What lies in the socket when time is over, of a process that was itself held up meanwhile."""
        if self._answer is None or phase.at != "dot":
            return None
        await asyncio.wait({self._answer}, timeout=_LATE_SECONDS)
        if not self._answer.done() or self._answer.cancelled() or self._answer.exception():
            return None
        reply = self._answer.result()
        return from_reply("dot", reply.code, reply.message)

    async def _reset(self, outcome: Outcome) -> Outcome:
        """Clear what a refused letter left behind, so that the next one starts anew."""
        if self.usable:
            try:
                await self._client.rset()
            except (SMTPException, OSError, TimeoutError):
                self.drop()
        return outcome

    async def close(self) -> None:
        """Take leave as the protocol asks, within a second."""
        try:
            async with asyncio.timeout(1):
                if self.usable:
                    await self._client.quit()
        except (SMTPException, OSError, TimeoutError):
            pass
        finally:
            self.drop()

    def drop(self) -> None:
        """Close without a word."""
        if self._answer is not None:
            self._answer.cancel()
            self._answer = None
        self._client.close()


@dataclass(slots=True)
class _Where:
    at: Phase


def _what_happened(error: Exception) -> str:
    if isinstance(error, TimeoutError | aiosmtplib.SMTPTimeoutError):
        return "timeout"
    if isinstance(error, SMTPException | OSError):
        return "connection lost"
    return type(error).__name__


def _stuffed(content: bytes) -> bytes:
    """With CRLF line ends and a leading dot doubled (RFC 5321, section 4.5.2)."""
    lines = _LINE_ENDS.sub(b"\r\n", content)
    lines = lines if lines.endswith(b"\r\n") else lines + b"\r\n"
    return _LEADING_DOTS.sub(b"..", lines)
