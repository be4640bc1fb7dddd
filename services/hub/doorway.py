"""A TCP door in front of all replicas of a service: a port that is published leads to one container only.

`python -m services.hub.doorway 0.0.0.0:2525 connectors:2525`. Bytes pass unchanged.
"""

import asyncio
import random
import socket
import sys
from contextlib import suppress

import structlog

from services.runtime.serving import stopped_by_signals

log = structlog.get_logger()
_CHUNK = 64 * 1024
_DIAL_SECONDS = 2.0
_TRY_SECONDS = 15.0
_PAUSE_SECONDS = 0.1
_GRACE_SECONDS = 25.0


class Doorway:
    """Takes connections and passes each on to a replica that answers."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.under_way: set[asyncio.Task[None]] = set()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, until both sides have ended."""
        task = asyncio.current_task()
        assert task is not None
        self.under_way.add(task)
        try:
            behind = await self._dial()
            if behind is not None:
                try:
                    await asyncio.gather(_pump(reader, behind[1]), _pump(behind[0], writer))
                finally:
                    behind[1].close()
        finally:
            self.under_way.discard(task)
            writer.close()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to any replica; None when none answers for a while."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _TRY_SECONDS
        while loop.time() < deadline:
            for address in await self._replicas():
                with suppress(OSError, TimeoutError):
                    async with asyncio.timeout(_DIAL_SECONDS):
                        return await asyncio.open_connection(address, self.port)
            await asyncio.sleep(_PAUSE_SECONDS)
        log.warning("doorway.nobody_answers", host=self.host)
        return None

    async def _replicas(self) -> list[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM
            )
        except OSError:
            return []
        addresses = sorted({str(address[4][0]) for address in found})
        random.shuffle(addresses)
        return addresses


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    # Only this direction has ended; the other may still have an answer to bring.
    with suppress(OSError, RuntimeError):
        writer.write_eof()


async def run(listen: str, to: str) -> None:
    """Serve until a signal; connections under way get some time to end."""
    stopping = asyncio.Event()
    host, _, port = to.rpartition(":")
    door = Doorway(host, int(port))
    own_host, _, own_port = listen.rpartition(":")
    server = await asyncio.start_server(door.take, own_host, int(own_port))
    with stopped_by_signals(stopping):
        await stopping.wait()
    server.close()
    if door.under_way:
        await asyncio.wait(set(door.under_way), timeout=_GRACE_SECONDS)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2]))
