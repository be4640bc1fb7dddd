"""Leaving a proxy's rotation: nobody who was connected is dropped, nobody is let in too early."""

import asyncio
import socket

import pytest

from services.runtime.draining import drain, ready_or_late, turn_away


async def test_it_waits_until_it_is_ready() -> None:
    looks = iter([False, True])

    async def ready() -> bool:
        return next(looks)

    await ready_or_late(ready, 30, asyncio.Event())
    assert list(looks) == []


async def test_it_does_not_wait_for_ever_nor_when_told_to_stop() -> None:
    async def never() -> bool:
        return False

    await ready_or_late(never, 0, asyncio.Event())
    stopping = asyncio.Event()
    stopping.set()
    await ready_or_late(never, 30, stopping)


async def test_who_is_connected_is_answered_and_who_comes_later_is_refused() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    listening = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.start_server(answer, sock=listening)
    address = listening.getsockname()
    # In the queue of the kernel: nobody has accepted it yet.
    early = socket.create_connection(address)
    turn_away(listening)
    draining = asyncio.create_task(drain(listening, [server], 0.3))
    reader, writer = await asyncio.open_connection(sock=early)
    writer.write(b"still here\n")
    assert await reader.readline() == b"still here\n"
    writer.close()
    await draining
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection(*address)
