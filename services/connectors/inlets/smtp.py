"""The SMTP inlet: 250 only when the mail is on disk in the bus. Sources: RFC 5321, RFC 3463."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from email.parser import BytesHeaderParser
from email.policy import compat32
from typing import TYPE_CHECKING, Any, Self

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from prometheus_client import Counter

from services.connectors.definitions.channel import Channel, Rules
from services.connectors.domain import Delivery
from services.connectors.errors import NotStored
from services.connectors.settings import ConnectorsSettings
from services.connectors.store import raw
from services.runtime.patience import wait_any

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()
# aiosmtpd logs every sender and recipient.
logging.getLogger("mail.log").setLevel(logging.ERROR)
REPLIES = Counter("leadwire_smtp_replies_total", "Replies to mail and recipients.", ["code"])

_SESSION_SECONDS = 120.0
_MOST_RECIPIENTS = 100
# Real mail has longer lines than the 1,000 octets of RFC 5321.
_LONGEST_LINE = 64 * 1024
_STORED_AS = "250 2.0.0 Stored as "
_CIRCLE = "554 5.4.6 The mail runs in a circle: too many Received headers"
_CHANGED = "451 4.3.5 The channels have changed, send it again"
_AWAY = "451 4.3.0 The mail could not be stored just now, send it again later"


class MailSession(SMTP):
    """A session with room for real mail; it is in `open` as long as its connection lives."""

    line_length_limit = _LONGEST_LINE

    def __init__(self, handler: "MailInlet", open: set["MailSession"], **options: Any) -> None:
        super().__init__(handler, **options)
        self._open = open

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._open.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        self._open.discard(self)
        super().connection_lost(error)

    def eof_received(self) -> bool:
        """The other side has hung up: at any moment, the connection ends with that as the session does."""
        super().eof_received()
        return False


class MailInlet:
    """Decides on recipients and stores mail; aiosmtpd calls it."""

    def __init__(self, host: "Host", settings: ConnectorsSettings, rules: Callable[[], Rules]) -> None:
        self._host = host
        self._settings = settings
        self._rules = rules

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a sender; one beyond ASCII only in UTF-8, and only if announced (RFC 6531, 3.5)."""
        if not address.isascii():
            announced = any(option.upper() == "SMTPUTF8" for option in options)
            if not announced or not _is_text(address):
                return _reply("553 5.6.7 An address beyond ASCII takes UTF-8 and SMTPUTF8")
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient that belongs to a channel."""
        known = self._host.definitions
        if known is not None and not known.loaded.is_set():
            return _reply("451 4.3.0 The channels are not known yet, try again later")
        if self._rules().for_recipient(address) is None:
            return _reply("550 5.1.1 No channel has this address")
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return _reply("452 4.5.3 Too many recipients")
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store the mail once for each channel it is for; one answer for all."""
        replies = await self.stored(envelope)
        worst = next((reply for reply in replies if not reply.startswith("250")), None)
        return _reply(worst or f"250 2.0.0 Stored as {' '.join(dict.fromkeys(map(_id_in, replies)))}")

    async def stored(self, envelope: Envelope) -> list[str]:
        """What there is to be said to each recipient, in their order."""
        body = envelope.content if isinstance(envelope.content, bytes) else b""
        if _hops(body) > self._settings.smtp_hops:
            return [_CIRCLE] * len(envelope.rcpt_tos)
        rules = self._rules()
        channels = {address: rules.for_recipient(address) for address in envelope.rcpt_tos}
        wanted: dict[str, tuple[Channel, list[str]]] = {}
        for address in envelope.rcpt_tos:
            if (channel := channels[address]) is not None:
                wanted.setdefault(channel.name, (channel, []))[1].append(address)
        said: dict[str, str] = {}
        for channel, addresses in wanted.values():
            said[channel.name] = await self._said(channel, addresses, envelope.mail_from or "", body)
        return [
            said[channel.name] if (channel := channels[address]) is not None else _CHANGED
            for address in envelope.rcpt_tos
        ]

    async def _said(self, channel: Channel, addresses: list[str], sender: str, body: bytes) -> str:
        try:
            return f"{_STORED_AS}{await self._store(channel, addresses, sender, body)}"
        except NotStored as error:
            log.warning("mail.not_stored", why=str(error))
            return _AWAY

    async def _store(self, channel: Channel, addresses: list[str], sender: str, body: bytes) -> str:
        headers = {"mail-from": sender, "rcpt-to": ", ".join(addresses)}
        now = self._host.clock.now()
        delivery = Delivery(channel.name, channel.kind.name, body, now, headers, method="DATA")
        await raw.store(self._host.bus, delivery, self._settings.intake_deadline)
        return delivery.id

    async def handle_exception(self, error: Exception) -> str:
        """Anything unforeseen makes the sender come again."""
        log.error("smtp.failed", error=type(error).__name__)
        return _reply(_AWAY)


def _id_in(reply: str) -> str:
    return reply.removeprefix(_STORED_AS)


def _is_text(address: str) -> bool:
    """Bytes that are not UTF-8 arrive as lone surrogates."""
    try:
        address.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reply(text: str) -> str:
    REPLIES.labels(text[:3]).inc()
    return text


def _hops(body: bytes) -> int:
    headers = BytesHeaderParser(policy=compat32).parsebytes(body)
    return sum(name.lower() == "received" for name, _ in headers.raw_items())


async def serve(
    host: "Host",
    settings: ConnectorsSettings,
    rules: Callable[[], Rules],
    started: Callable[[int], None] = lambda port: None,
) -> None:
    """Listen until the host stops. `started` is told the port. Raises OSError when it is taken."""
    async with Sessions(settings, MailSession, MailInlet(host, settings, rules)) as sessions:
        server = await asyncio.get_running_loop().create_server(
            sessions.new, settings.smtp_inlet_host, settings.smtp_inlet_port
        )
        async with server:
            started(server.sockets[0].getsockname()[1])
            log.info("smtp.listening", host=settings.smtp_inlet_host, port=settings.smtp_inlet_port)
            await wait_any(host.stopping)


class Sessions:
    """The sessions of one inlet: as many as the settings allow; those that are open end with it."""

    def __init__(self, settings: ConnectorsSettings, made: type[MailSession], inlet: MailInlet) -> None:
        self._made = made
        self._inlet = inlet
        self._most = settings.smtp_sessions
        self._open: set[MailSession] = set()
        self._options = {
            "data_size_limit": settings.intake_limit,
            "enable_SMTPUTF8": True,
            "hostname": settings.smtp_name,
            "ident": "Leadwire",
            "tls_context": _tls(settings),
            "timeout": _SESSION_SECONDS,
            "loop": asyncio.get_running_loop(),
        }

    def new(self) -> asyncio.BaseProtocol:
        """What serves one more connection."""
        full = len(self._open) >= self._most
        return _Busy() if full else self._made(self._inlet, self._open, **self._options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in list(self._open):
            if one.transport is not None:
                one.transport.close()


class _Busy(asyncio.Protocol):
    """Asks the sender to come later."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so and hang up."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"421 4.3.2 Too many sessions, try again later\r\n")
        transport.close()


def _tls(settings: ConnectorsSettings) -> ssl.SSLContext | None:
    if settings.smtp_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.smtp_certificate, settings.smtp_key)
    return context
