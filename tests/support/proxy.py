"""A network between a client and a server that can be cut, slowed or frozen at will."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

HOST = "127.0.0.1"
CHUNK = 65536
Direction = Literal["up", "down"]
"""`up`: from the client to the server; `down`: from the server to the client."""


@dataclass(frozen=True)
class Target:
    """What the proxy stands before: a port, or a unix socket when `path` is set."""

    port: int = 0
    path: str = ""
    host: str = HOST

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.path:
            return await asyncio.open_unix_connection(self.path)
        return await asyncio.open_connection(self.host, self.port)


class Proxy:
    """Passes bytes both ways until told otherwise. `port` is where clients connect."""

    def __init__(self, target: Target, host: str = HOST, port: int = 0) -> None:
        self.target = target
        self.host = host
        self.port = port
        self.passed: dict[Direction, int] = {"up": 0, "down": 0}
        self.connections = 0
        self._admits = True
        self._delay = 0.0
        self._limit: dict[Direction, int | None] = {"up": None, "down": None}
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Break every connection now. Bytes on their way are lost."""
        for writer in self._writers:
            writer.transport.abort()
        self._limit = {"up": None, "down": None}

    def cut_after(self, count: int, direction: Direction = "down") -> None:
        """Let `count` more bytes pass this way, then break every connection, in mid-message if need be."""
        self._limit[direction] = self.passed[direction] + count

    def delay(self, seconds: float) -> None:
        """Hold each chunk for this long; 0 ends it."""
        self._delay = seconds

    def freeze(self) -> None:
        """Pass nothing, close nothing: a half-open connection, as after a lost route."""
        self._flows.clear()

    def thaw(self) -> None:
        """Pass what was held since `freeze`, and everything after."""
        self._flows.set()

    def refuse(self) -> None:
        """Break every connection and each new one at once."""
        self._admits = False
        self.cut()

    def admit(self) -> None:
        """Take connections again."""
        self._admits = True

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # asyncio logs the end of this task by itself unless the cancellation by `close` stays here.
        with contextlib.suppress(asyncio.CancelledError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if not self._admits:
                return
            upstream_reader, upstream_writer = await self.target.connect()
            self._writers.add(upstream_writer)
            try:
                await self._both(reader, writer, upstream_reader, upstream_writer)
            finally:
                self._drop(upstream_writer)
        except OSError:
            return
        finally:
            self._drop(writer)

    async def _both(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream_reader: asyncio.StreamReader,
        upstream_writer: asyncio.StreamWriter,
    ) -> None:
        ways = [
            asyncio.create_task(self._pass(reader, upstream_writer, "up")),
            asyncio.create_task(self._pass(upstream_reader, writer, "down")),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self._delay:
                    await asyncio.sleep(self._delay)
                await self._flows.wait()
                if not await self._forward(chunk, writer, direction):
                    self.cut()
                    return

    async def _forward(self, chunk: bytes, writer: asyncio.StreamWriter, direction: Direction) -> bool:
        """Write the chunk, or as much of it as may still pass; says whether the connection lives on."""
        limit = self._limit[direction]
        room = len(chunk) if limit is None else limit - self.passed[direction]
        writer.write(chunk[:room])
        await writer.drain()
        self.passed[direction] += min(room, len(chunk))
        return room > len(chunk) or limit is None

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.transport.abort()


@asynccontextmanager
async def before_nats(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before a NATS server, and the url that leads through it."""
    parts = urlsplit(url)
    async with _running(Target(port=parts.port or 4222, host=parts.hostname or HOST)) as proxy:
        login = f"{parts.username}:{parts.password}@" if parts.username else ""
        yield proxy, f"nats://{login}{HOST}:{proxy.port}"


@asynccontextmanager
async def before_postgres(dsn: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before a PostgreSQL, and the connection string that leads through it, over TCP."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    if "host" in query:
        target = Target(path=f"{unquote(query['host'][0])}/.s.PGSQL.{query['port'][0]}")
    else:
        target = Target(port=parts.port or 5432, host=parts.hostname or HOST)
    async with _running(target) as proxy:
        login = parts.netloc.rpartition("@")[0]
        place = f"{login}@{HOST}:{proxy.port}"
        yield proxy, urlunsplit((parts.scheme, place, parts.path, "sslmode=disable", ""))


@asynccontextmanager
async def _running(target: Target) -> AsyncIterator[Proxy]:
    proxy = Proxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
