"""An HTTP server on a real socket that answers as a test says, and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.connectors.domain.exchange import Answer
from services.connectors.reading.rawhttp import Request, read_http

Handler = Callable[[Request], Awaitable[Answer]]


@dataclass
class Vendor:
    """Where it listens, and every request so far."""

    handler: Handler
    url: str = ""
    asked: list[Request] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept for many requests."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request = read_http(head)
                self.asked.append(request)
                answer = await self.handler(request)
                told = {"content-length": str(len(answer.body)), **answer.headers}
                lines = [f"HTTP/1.1 {answer.status} X", *(f"{name}: {told[name]}" for name in told)]
                writer.write("\r\n".join([*lines, "", ""]).encode() + answer.body)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass  # whoever asked is gone, or the test is over
        finally:
            writer.close()


@asynccontextmanager
async def vendor(handler: Handler) -> AsyncIterator[Vendor]:
    """The server, on a free port of its own."""
    found = Vendor(handler)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()
