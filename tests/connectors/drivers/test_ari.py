"""The driver of ARI against a websocket of a real server."""

import base64
import http
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from services.runtime.bus import Bus
from tests.connectors.drivers.hand import by_hand
from tests.support.wait import until

PASSWORD = "only for this test"
WELCOME = "Basic " + base64.b64encode(f"leadwire:{PASSWORD}".encode()).decode()


def event(kind: str, number: int) -> bytes:
    return json.dumps(
        {"type": kind, "channel": {"id": str(number), "name": "Иван"}}, ensure_ascii=False
    ).encode()


class Exchange:
    def __init__(self) -> None:
        self.paths: list[str] = []
        self.server: Server

    async def serve(self, socket: ServerConnection) -> None:
        await socket.wait_closed()

    def check(self, socket: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        if request.headers.get("Authorization") == WELCOME:
            return None
        return socket.respond(http.HTTPStatus.UNAUTHORIZED, "no")

    async def say(self, *events: bytes) -> None:
        for socket in self.server.connections:
            for one in events:
                await socket.send(one, text=True)


@asynccontextmanager
async def exchange() -> AsyncIterator[tuple[Exchange, dict[str, Any]]]:
    peer = Exchange()
    async with serve(peer.serve, "127.0.0.1", 0, process_request=peer.check) as peer.server:
        port = peer.server.sockets[0].getsockname()[1]
        settings = {"host": "127.0.0.1", "port": port, "user": "leadwire", "password": "${ARI_PASSWORD}"}
        yield peer, {"kind": "asterisk_ari", "settings": settings}


async def test_events_of_calls_are_stored_byte_for_byte_and_the_rest_is_not(bus: Bus) -> None:
    created, over = event("ChannelCreated", 1), event("ChannelDestroyed", 1)
    async with exchange() as (peer, channel), by_hand(bus, channel, ARI_PASSWORD=PASSWORD) as hand:
        driven = await hand.drive()
        await until(lambda: driven.state == "connected")
        await peer.say(created, event("ChannelVarset", 1), b"no json", over)
        assert {one.body for one in await hand.stored(2)} == {created, over}
        assert peer.paths == ["/ari/events?app=leadwire&subscribeAll=true"]
        await peer.say(*(event("Dial", number) for number in range(500)), event("ApplicationReplaced", 1))
        assert "its own `application`" in await driven.failure()
        assert len(await hand.stored(502)) == 502


async def test_a_refused_user_is_told_what_to_compare_and_no_secret(bus: Bus) -> None:
    async with exchange() as (_, channel), by_hand(bus, channel, ARI_PASSWORD="wrong horse") as hand:
        told = await (await hand.drive()).failure()
    assert "compare `user` and `password` with ari.conf" in told
    assert "wrong horse" not in told


async def test_a_port_that_nobody_listens_on_says_what_to_check(bus: Bus) -> None:
    async with exchange() as (_, channel):
        pass
    async with by_hand(bus, channel, ARI_PASSWORD=PASSWORD) as hand:
        assert "http.conf" in await (await hand.drive()).failure()
