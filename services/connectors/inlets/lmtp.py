"""The LMTP inlet: SMTP with an answer for each recipient, for a mail server near by. Source: RFC 2033."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.connectors.definitions.channel import Rules
from services.connectors.inlets.smtp import REPLIES, MailInlet, MailSession, Sessions
from services.connectors.settings import ConnectorsSettings
from services.runtime.patience import wait_any

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()
_ASKS_FOR_DATA = "354"


class LocalSession(MailSession, LMTP):
    """A session whose last word on a mail is said once for each recipient."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._owed = 0

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """The mail; whatever ends it, each recipient that was taken is owed an answer."""
        self._owed = len(self.envelope.rcpt_tos) if self.envelope else 0
        try:
            await super().smtp_DATA(arg)
        finally:
            self._owed = 0

    async def push(self, status: str | bytes) -> None:
        """Say it; of a mail that is refused as a whole as often as there are recipients."""
        text = status.decode() if isinstance(status, bytes) else status
        times = 1
        if self._owed and not text.startswith(_ASKS_FOR_DATA) and "\r\n" not in text:
            times = self._owed
        await super().push("\r\n".join([text] * times))


class LocalMailInlet(MailInlet):
    """Stores mail and answers for each recipient."""

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Commands may come without waiting, which RFC 2033 demands."""
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", *responses[1:]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store the mail once for each channel it is for; an answer for each recipient, in their order."""
        replies = await self.stored(envelope)
        for reply in replies:
            REPLIES.labels(reply[:3]).inc()
        return "\r\n".join(replies)


def wanted(settings: ConnectorsSettings) -> bool:
    """Whether this inlet is on: it has a port or a socket."""
    return settings.lmtp_inlet_port is not None or settings.lmtp_inlet_socket is not None


async def serve(
    host: "Host",
    settings: ConnectorsSettings,
    rules: Callable[[], Rules],
    started: Callable[[int], None] = lambda port: None,
) -> None:
    """Listen until the host stops. `started` is told the port, if there is one. Raises OSError."""
    loop = asyncio.get_running_loop()
    async with Sessions(settings, LocalSession, LocalMailInlet(host, settings, rules)) as sessions:
        servers = []
        try:
            if settings.lmtp_inlet_socket is not None:
                if settings.lmtp_inlet_socket.is_socket():  # of a process that is gone
                    settings.lmtp_inlet_socket.unlink()
                servers.append(await loop.create_unix_server(sessions.new, str(settings.lmtp_inlet_socket)))
            if settings.lmtp_inlet_port is not None:
                servers.append(
                    await loop.create_server(sessions.new, settings.smtp_inlet_host, settings.lmtp_inlet_port)
                )
                started(servers[-1].sockets[0].getsockname()[1])
            log.info("lmtp.listening", sockets=len(servers))
            await wait_any(host.stopping)
        finally:
            for server in servers:
                server.close()
