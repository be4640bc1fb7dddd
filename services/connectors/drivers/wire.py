"""A socket to an exchange: opened with or without TLS, cut into frames, read on only when those are stored.

What a peer wrote and we have not read waits in the kernel: a slow bus slows the peer and loses nothing.
"""

import asyncio
import hashlib
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from prometheus_client import Counter

from services.connectors.domain import Settings
from services.connectors.drivers.inlet import Arrived, Inlet, Unreachable
from services.connectors.errors import Unreadable
from services.connectors.reading.frames import Frames, frames_of

SKIPPED = Counter(
    "leadwire_driver_skipped_total", "Events of a socket that say nothing of a call: not stored.", ["channel"]
)
_CONNECT_SECONDS = 10.0
_CHUNK = 256 * 1024


@dataclass
class Wire:
    """An open connection; `waiting` are frames that came and that nobody has looked at."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    cutter: Frames
    waiting: deque[bytes] = field(default_factory=deque)

    async def tell(self, words: bytes) -> None:
        """Write to the peer. Raises OSError."""
        self.writer.write(words)
        await self.writer.drain()

    async def next(self, timeout: float) -> bytes:
        """The next frame. Raises Unreachable, also when none comes within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while not self.waiting:
                    self.waiting.extend(await self._read())
        except TimeoutError:
            raise Unreachable(f"the exchange said nothing for {timeout:g} s: is it the right port?") from None
        return self.waiting.popleft()

    async def chunk(self) -> list[bytes]:
        """All frames at hand, or those that the next bytes complete. Raises Unreachable."""
        if self.waiting:
            found = list(self.waiting)
            self.waiting.clear()
            return found
        return await self._read()

    async def _read(self) -> list[bytes]:
        data = await self.reader.read(_CHUNK)
        if not data:
            raise Unreachable("the exchange closed the connection")
        try:
            return self.cutter.feed(data)
        except Unreadable as error:
            raise Unreachable(f"{error}: is it the right port?") from error

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self.writer.wait_closed()


@asynccontextmanager
async def connected(settings: Settings, framing: str) -> AsyncIterator[Wire]:
    """A wire by the settings host, port, tls and fingerprint, closed at the end. Raises Unreachable."""
    wire = await _open(settings, framing)
    try:
        _check(wire, settings.text("fingerprint"))
        yield wire
    finally:
        await wire.close()


async def _open(settings: Settings, framing: str) -> Wire:
    host, port = settings.text("host"), settings.number("port")
    context = _context(settings) if settings.flag("tls") else None
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=_CHUNK)
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(
            f"the certificate of {host}:{port} is not trusted ({error.verify_message}):"
            " set `fingerprint` to its SHA-256, or use one of a public authority"
        ) from error
    except (OSError, TimeoutError) as error:
        raise Unreachable(
            f"{host}:{port} cannot be reached ({type(error).__name__}): check `host`, `port` and `tls`,"
            " that the exchange listens there, and the firewalls between"
        ) from error
    return Wire(reader, writer, frames_of(framing))


def _context(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if settings.text("fingerprint"):
        # Known by its fingerprint, whoever signed it: checked before anything is said.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _check(wire: Wire, wanted: str) -> None:
    """Without TLS there is nothing to check."""
    session = wire.writer.get_extra_info("ssl_object")
    plain = wanted.replace(":", "").lower()
    if session is None or not plain:
        return
    shown = hashlib.sha256(session.getpeercert(binary_form=True) or b"").hexdigest()
    if shown.encode() != plain.encode():
        raise Unreachable("the exchange shows another certificate: compare `fingerprint` with it")


async def follow(
    inlet: Inlet,
    wire: Wire,
    chosen: Callable[[bytes], bool],
    idle: float,
    ping: Callable[[], Awaitable[None]],
) -> None:
    """Store what is `chosen`, for ever. Raises Unreachable when the peer is gone.

    After `idle` seconds of silence the peer is pinged; when it keeps silent, it is gone.
    """
    silent = False
    skipped = SKIPPED.labels(inlet.channel.name)
    while True:
        try:
            async with asyncio.timeout(idle):
                frames = await wire.chunk()
        except TimeoutError:
            if silent:
                raise Unreachable("the exchange no longer answers") from None
            silent = True
            await ping()
            continue
        silent = False
        keep = [frame for frame in frames if chosen(frame)]
        skipped.inc(len(frames) - len(keep))
        await inlet.store(*map(Arrived, keep))
