"""An SMTP server on loopback that keeps every letter and delivers none."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.hub.mailbox.files import Mailbox

log = structlog.get_logger()
_MOST_BYTES = 32 * 1024 * 1024
_IDLE_SECONDS = 300


class _Keeping:
    """aiosmtpd's handler: 250 only when the letter is on disk."""

    def __init__(self, mailbox: Mailbox, now: Callable[[], datetime], token: Callable[[], str]) -> None:
        self._mailbox = mailbox
        self._now = now
        self._token = token

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        try:
            await asyncio.to_thread(
                self._mailbox.keep,
                content,
                sender=envelope.mail_from or "",
                recipients=envelope.rcpt_tos,
                now=self._now(),
                token=self._token(),
            )
        except OSError as problem:
            log.error("mailbox.full", reason=problem.strerror)
            return "452 4.3.1 the mailbox cannot be written to"
        return "250 2.0.0 kept in the mailbox"


class Catcher:
    """The server. `port` 0 takes a free one; after `start` it is the one taken."""

    def __init__(
        self,
        mailbox: Mailbox,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        token: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self.host = host
        self.port = port
        self._handler = _Keeping(mailbox, now, token)
        self._server: asyncio.AbstractServer | None = None
        self._sessions: set[_Session] = set()

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and hang up on whoever is connected."""
        if self._server is None:
            return
        self._server.close()
        for session in list(self._sessions):
            session.hang_up()
        await self._server.wait_closed()
        self._server = None

    def _session(self) -> "_Session":
        return _Session(self._handler, self._sessions)


class _Session(SMTP):
    def __init__(self, handler: _Keeping, sessions: "set[_Session]") -> None:
        super().__init__(
            handler,
            hostname="leadwire-mailbox",
            ident="Leadwire mailbox",
            data_size_limit=_MOST_BYTES,
            enable_SMTPUTF8=True,
            timeout=_IDLE_SECONDS,
        )
        self._sessions = sessions

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._sessions.discard(self)
        super().connection_lost(error)

    def hang_up(self) -> None:
        """Close the connection at once."""
        if self.transport is not None:
            cast(asyncio.Transport, self.transport).abort()
