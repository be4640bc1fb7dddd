"""Limits on what a client may take, over real sockets, with limits that a test can wait for."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from fastapi import FastAPI, Request

from services.runtime import guarded_http
from services.runtime.guarded_http import GuardedHttp
from services.runtime.serving import HttpServer
from services.runtime.settings import Settings
from tests.support.wait import until

HEAD = b"POST /echo HTTP/1.1\r\nHost: test\r\n"


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_http, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(guarded_http, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(guarded_http, "_LINGER_SECONDS", 0.05)


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    app = FastAPI()

    @app.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    listening = await asyncio.to_thread(_socket)
    server = HttpServer(app, Settings())
    running = asyncio.create_task(server.serve(sockets=[listening]))
    await until(lambda: server.started, why="the server to listen")
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await running


def _socket() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


async def said(port: int, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Everything the server answers until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = asyncio.create_task(reader.read())
    with suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.wait([answered], timeout=pause)
    async with asyncio.timeout(10):
        answer = await answered
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([HEAD], b"408"),
        ([HEAD, *[b"X-A: b\r\n"] * 20], b"408"),
        ([HEAD + b"Content-Length: 9\r\n\r\nhalf"], b"408"),
        ([HEAD + b"Content-Length: 99\r\n\r\n", *[b"a"] * 40], b"408"),
        ([HEAD + b"X-Large: " + b"a" * 100_000], b"431"),
        ([HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"], b"400"),
    ],
)
async def test_who_dawdles_or_sends_too_much_is_told_and_hung_up_on(
    pieces: list[bytes], status: bytes
) -> None:
    async with serving() as port:
        answer = await said(port, *pieces, pause=0.05)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"application/problem+json" in answer
    assert b'"remedy"' in answer


async def test_who_says_nothing_is_hung_up_on_without_a_word() -> None:
    async with serving() as port:
        assert await said(port) == b""


async def test_a_slow_but_steady_body_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_http, "SLOWEST_BYTES_PER_SECOND", 100)
    pieces = [b"a" * 100] * 10
    async with serving() as port:
        head = HEAD + b"Connection: close\r\nContent-Length: 1000\r\n\r\n"
        answer = await said(port, head, *pieces, pause=0.1)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"1000")


async def test_half_sent_bodies_share_a_limit_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_http, "MOST_HELD_BYTES", 1000)
    async with serving() as port:
        head = HEAD + b"Content-Length: 5000\r\n\r\n"
        answer = await said(port, head, b"a" * 2000, pause=0.05)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"retry-after" in answer
        await until(lambda: GuardedHttp._held_by_all == 0, why="everything to be given back")
        whole = HEAD + b"Connection: close\r\nContent-Length: 4\r\n\r\nabcd"
        assert (await said(port, whole)).startswith(b"HTTP/1.1 200")


async def test_a_connection_that_is_kept_is_not_ended_in_the_middle() -> None:
    one = HEAD + b"Content-Length: 2\r\n\r\nab"
    last = HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nab"
    async with serving() as port:
        answer = await said(port, *[one] * 10, last, pause=0.1)
    assert answer.count(b"HTTP/1.1 200") == 11
