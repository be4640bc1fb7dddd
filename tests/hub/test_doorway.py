"""The door in front of all replicas passes bytes on, to one that answers."""

import asyncio

from services.hub.doorway import Doorway
from tests.support.wait import until


async def test_bytes_pass_both_ways_and_the_end_does_too() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        writer.close()

    behind = await asyncio.start_server(answer, "127.0.0.1", 0)
    door = Doorway("localhost", behind.sockets[0].getsockname()[1])
    front = await asyncio.start_server(door.take, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*front.sockets[0].getsockname())
    writer.write(b"hello")
    writer.write_eof()
    assert await reader.read() == b"HELLO"
    writer.close()
    front.close()
    behind.close()
    await until(lambda: not door.under_way)
    await writer.wait_closed()
