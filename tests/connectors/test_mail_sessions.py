"""Connections of the mail inlets, on the loop that the service runs on."""

import asyncio
import socket
from typing import Any

import uvloop

from services.connectors.inlets.smtp import MailSession, Sessions
from services.connectors.settings import ConnectorsSettings


def test_the_connection_of_who_hangs_up_before_a_word_ends_at_once() -> None:
    """As a health check does, every few seconds: each would hold one of the sessions for two minutes."""
    nobody: Any = None

    async def hang_up() -> None:
        async with Sessions(ConnectorsSettings(), MailSession, nobody) as sessions:
            server = await asyncio.get_running_loop().create_server(sessions.new, "127.0.0.1", 0)
            # Over before the loop has had a turn to see it begin.
            with socket.create_connection(server.sockets[0].getsockname(), timeout=5) as caller:
                caller.shutdown(socket.SHUT_WR)
                try:
                    await asyncio.to_thread(_until_closed, caller)
                finally:
                    server.close()

    uvloop.run(hang_up())


def _until_closed(caller: socket.socket) -> None:
    while caller.recv(1024):
        pass
