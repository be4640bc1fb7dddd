"""A vendor that has files: a real HTTP server that answers as it was told, request by request."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tests.support.wait import until

MP3 = b"ID3\x03\x00\x00\x00\x00\x00\x0a" + b"\xff\xfb\x90\x64" + bytes(range(256)) * 40


@dataclass
class Vendor:
    """`answers` by path, the last one for ever; `asked` is every request, as method, path and headers."""

    base: str = ""
    answers: dict[str, list[Response]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def will(self, path: str, *answers: Response) -> str:
        """Answer a path so; its address."""
        self.answers[path] += answers
        return self.base + path

    def count(self, path: str) -> int:
        """How often it was asked for."""
        return sum(asked == path for _, asked, _ in self.asked)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = request.url.path
        self.asked.append((request.method, path, dict(request.headers)))
        self.bodies.append(await request.body())
        waiting = self.answers[path]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0] if waiting else Response(status_code=404)
        await answer(scope, receive, send)


@asynccontextmanager
async def vendor(host: str = "127.0.0.1") -> AsyncIterator[Vendor]:
    """One, listening."""
    told = Vendor()
    config = uvicorn.Config(told, host=host, port=0, lifespan="off", log_config=None, ws="none")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    told.base = f"http://{host}:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield told
    finally:
        server.should_exit = True
        await task
