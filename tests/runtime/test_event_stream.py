"""Server-sent events end for every reason there is, and hold little for whoever does not read."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.runtime import event_stream
from services.runtime.event_stream import MOST_WAITING, EventStream, Listener, event
from tests.support.wait import until


class Onlooker:
    """The other end of an answer; `reads` may be cleared."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.reads, self.left = asyncio.Event(), asyncio.Event()
        self.reads.set()
        self.let_go = 0

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.reads.wait()
        self.got.append(message)

    @property
    def text(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.got)

    def goes(self) -> None:
        self.let_go += 1

    async def looks(
        self,
        listener: Listener,
        stopping: asyncio.Event,
        still: Callable[[], Awaitable[bool]],
        heartbeat: float = 60,
    ) -> None:
        await EventStream(listener, stopping, still, self.goes, heartbeat)({}, self.receive, self.send)


async def allowed() -> bool:
    return True


async def refused() -> bool:
    return False


@pytest.fixture
def onlooker() -> Onlooker:
    return Onlooker()


async def test_what_is_told_comes_in_order_until_they_leave(onlooker: Onlooker) -> None:
    listener = Listener([event("first", b"1", "a")])
    looking = asyncio.create_task(onlooker.looks(listener, asyncio.Event(), allowed))
    listener.tell(event("then", b"2"))
    wanted = b"retry: 2000\n\nid: a\nevent: first\ndata: 1\n\nevent: then\ndata: 2\n\n"
    await until(lambda: onlooker.text == wanted)
    headers = dict(onlooker.got[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"cache-control"] == b"no-store, no-transform"
    assert b"content-length" not in headers
    onlooker.left.set()
    await looking
    assert onlooker.let_go == 1


async def test_silence_is_broken_by_comments_for_as_long_as_the_right_is_held(onlooker: Onlooker) -> None:
    beats = 0

    async def still() -> bool:
        nonlocal beats
        beats += 1
        return beats < 4

    await onlooker.looks(Listener(), asyncio.Event(), still, heartbeat=0.01)
    assert onlooker.text.count(b": still here\n\n") == 3
    assert onlooker.got[-1]["more_body"] is False


async def test_a_right_that_is_taken_back_ends_it_however_much_there_is_to_tell(onlooker: Onlooker) -> None:
    listener = Listener()
    looking = asyncio.create_task(onlooker.looks(listener, asyncio.Event(), refused, heartbeat=0.2))

    async def over() -> bool:
        listener.tell(event("more", b"1"))
        return looking.done()

    await until(over, 5, every=0.01)
    assert onlooker.text.count(b"event: more\n") > 1


async def test_it_ends_when_the_process_does(onlooker: Onlooker) -> None:
    stopping = asyncio.Event()
    looking = asyncio.create_task(onlooker.looks(Listener(), stopping, allowed))
    await until(lambda: onlooker.got)
    stopping.set()
    await looking
    assert (onlooker.got[-1]["more_body"], onlooker.let_go) == (False, 1)


async def test_who_does_not_read_is_let_go(onlooker: Onlooker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "_PARTING_SECONDS", 0.05)
    listener = Listener()
    looking = asyncio.create_task(onlooker.looks(listener, asyncio.Event(), refused))
    await until(lambda: onlooker.text)
    onlooker.reads.clear()
    for number in range(MOST_WAITING + 2):
        listener.tell(event("n", str(number).encode()))
    await asyncio.wait_for(looking, 5)
    assert onlooker.let_go == 1
    assert len(onlooker.got) <= 3
