import asyncio
from typing import Any

from services.runtime.joined_writes import JoinedWrites


class Wire(asyncio.Transport):
    """Notes what goes over the wire, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def write_eof(self) -> None:
        self.sent.append("end")

    def close(self) -> None:
        self.sent.append("closed")

    def abort(self) -> None:
        self.sent.append("aborted")


def joined() -> tuple[JoinedWrites, Wire]:
    wire = Wire()
    return JoinedWrites(wire, asyncio.get_running_loop()), wire


async def test_what_is_written_in_one_go_is_sent_as_one_piece() -> None:
    transport, wire = joined()
    transport.write(b"head ")
    transport.write(memoryview(b"body"))
    assert wire.sent == []
    await asyncio.sleep(0)
    assert wire.sent == [b"head body"]


async def test_what_comes_later_waits_for_nothing() -> None:
    transport, wire = joined()
    transport.write(b"head")
    await asyncio.sleep(0)
    transport.write(b"event")
    await asyncio.sleep(0)
    assert wire.sent == [b"head", b"event"]


async def test_it_hangs_up_after_what_was_written() -> None:
    transport, wire = joined()
    transport.write(b"last words")
    transport.write_eof()
    transport.close()
    await asyncio.sleep(0)
    assert wire.sent == [b"last words", "end", "closed"]


async def test_a_connection_that_is_cut_sends_nothing_more() -> None:
    transport, wire = joined()
    transport.write(b"too late")
    transport.abort()
    await asyncio.sleep(0)
    assert wire.sent == ["aborted"]
