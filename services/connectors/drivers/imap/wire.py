"""One connection to an IMAP server: commands out, responses in, and waiting for news.

A client of our own, because a driver must stop within a moment and must never miss news. Sources:
RFC 3501 (IMAP4rev1), RFC 2177 (IDLE), RFC 4959 (SASL-IR).
"""

import asyncio
import base64
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from services.connectors.drivers.imap.responses import Response

_ANSWER_SECONDS = 60.0
_CONNECT_SECONDS = 15.0
_CHUNK = 64 * 1024
_LONGEST_LINE = 16 * 1024 * 1024
_LITERAL = re.compile(rb"\{(\d+)\+?\}\r?\n$")
_NEWS = frozenset({"EXISTS", "RECENT", "EXPUNGE"})


class Gone(Exception):
    """The connection is over, or as good as over."""


class Refused(Exception):
    """NO or BAD. `code` is what stood in brackets; the words are the server's own and may name people."""

    def __init__(self, command: str, code: str) -> None:
        super().__init__(f"{command} was refused{f' [{code}]' if code else ''}")
        self.code = code


class Wire:
    """A connection. `news` is true when the server has told of mail since it was last set to False."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int) -> None:
        self._reader = reader
        self._writer = writer
        self._most = most
        self._tags = 0
        self._patience: asyncio.Timeout | None = None
        self.abilities: frozenset[str] = frozenset()
        self.news = False

    async def greeted(self) -> None:
        """Read the greeting. Raises Gone."""
        greeting = await self._next()
        if (greeting.tag, greeting.word) != ("*", "OK"):
            raise Gone("it does not greet as IMAP servers do; check `host`, `port` and `security`")

    async def ask_abilities(self) -> None:
        """Learn what the server can do."""
        await self.command("CAPABILITY")

    async def starttls(self, context: ssl.SSLContext, host: str) -> None:
        """Go on encrypted; what was said before counts for nothing."""
        await self.command("STARTTLS")
        if getattr(self._reader, "_buffer", b""):
            raise Gone("somebody added words before the encryption began")
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._writer.start_tls(context, server_hostname=host)
        except (OSError, TimeoutError) as error:
            raise Gone(f"TLS failed: {_why(error)}; check `authority`") from error
        await self.ask_abilities()

    async def authenticate(self, mechanism: str, first: bytes) -> None:
        """SASL in one step. Raises Refused."""
        told = base64.b64encode(first)
        name = mechanism.encode()
        if "SASL-IR" in self.abilities:
            await self.command("AUTHENTICATE", name, told)
        else:
            await self.command("AUTHENTICATE", name, challenged=lambda: told)
        await self.ask_abilities()

    async def command(
        self, name: str, *arguments: bytes, challenged: Callable[[], bytes] | None = None
    ) -> list[Response]:
        """What the server said on it, its last word included. Raises Refused, or Gone.

        The server's challenges are answered by `challenged` once, then with nothing, which ends them.
        """
        tag = self._send(name, *arguments)
        said: list[Response] = []
        while True:
            response = await self._next()
            if response.tag == "+":
                self._write((challenged() if challenged else b"") + b"\r\n")
                challenged = None
                continue
            said.append(response)
            if response.tag == tag:
                if response.word != "OK":
                    raise Refused(name, response.code[0])
                return said

    async def idle(self, seconds: float) -> None:
        """Return when there is news, or after so many seconds. Raises Refused, or Gone."""
        tag = self._send("IDLE")
        while (response := await self._next()).tag != "+":
            if response.tag == tag:
                raise Refused("IDLE", response.code[0])
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.news:
                    # A line that is cut by the end of the wait is still whole in the reader's buffer.
                    await self._reading()
        self._write(b"DONE\r\n")
        while (await self._next()).tag != tag:
            pass

    def _send(self, name: str, *arguments: bytes) -> str:
        self._tags += 1
        tag = f"A{self._tags}"
        self._write(b" ".join([tag.encode(), name.encode(), *arguments]) + b"\r\n")
        return tag

    def _write(self, line: bytes) -> None:
        if self._writer.is_closing():
            raise Gone("the connection is closed")
        self._writer.write(line)

    async def _next(self) -> Response:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS) as self._patience:
                return await self._reading()
        except TimeoutError as error:
            raise Gone(f"the server said nothing for {_ANSWER_SECONDS:g} s") from error
        finally:
            self._patience = None

    async def _reading(self) -> Response:
        try:
            text, literals = await self._line()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError) as error:
            raise Gone(f"the connection broke: {_why(error)}") from error
        tag, _, rest = text.rstrip(b"\r\n").partition(b" ")
        response = Response(tag.decode("ascii", "replace"), rest, literals)
        self._learn(response)
        return response

    async def _line(self) -> tuple[bytes, tuple[bytes, ...]]:
        text = await self._reader.readuntil(b"\n")
        literals: list[bytes] = []
        while literal := _LITERAL.search(text):
            size = int(literal[1])
            if size > self._most:
                raise ValueError(f"a literal of {size} bytes")
            literals.append(await self._literal(size))
            text = text.rstrip(b"\r\n") + b" " + await self._reader.readuntil(b"\n")
        return text, tuple(literals)

    async def _literal(self, size: int) -> bytes:
        """A large mail over a slow line may take its time, as long as something comes."""
        parts: list[bytes] = []
        while size:
            part = await self._reader.read(min(size, _CHUNK))
            if not part:
                raise asyncio.IncompleteReadError(b"", size)
            parts.append(part)
            size -= len(part)
            if self._patience:
                self._patience.reschedule(asyncio.get_running_loop().time() + _ANSWER_SECONDS)
        return b"".join(parts)

    def _learn(self, response: Response) -> None:
        code, told = response.code
        if response.tag == "*":
            if response.word == "BYE":
                raise Gone(f"the server hung up{f' [{code}]' if code else ''}")
            if response.word == "CAPABILITY":
                code, told = "CAPABILITY", response.text.decode("ascii", "replace")
            self.news |= response.word in _NEWS
        if code == "CAPABILITY":
            self.abilities = frozenset(told.upper().split())


@asynccontextmanager
async def connected(host: str, port: int, tls: ssl.SSLContext | None, most: int) -> AsyncIterator[Wire]:
    """A greeted connection, at once gone when the block ends. Raises Gone.

    `most` is the largest literal that is taken, in bytes.
    """
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            named = host if tls else None
            reader, writer = await asyncio.open_connection(
                host, port, ssl=tls, server_hostname=named, limit=_LONGEST_LINE
            )
    except (OSError, TimeoutError) as error:
        raise Gone(
            f"no connection: {_why(error)}; check `host`, `port`, `security` and `authority`"
        ) from error
    try:
        # A peer that vanished without a word is noticed while we wait for news.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        wire = Wire(reader, writer, most)
        await wire.greeted()
        yield wire
    finally:
        writer.transport.abort()


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    return type(error).__name__ if not isinstance(error, ValueError) else str(error)[:100]
