"""Server-sent events (WHATWG HTML, section 9.2): an answer that goes on while somebody looks on."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

HEARTBEAT_SECONDS = 15.0
MOST_WAITING = 200
"""Events that wait for one listener; whoever is that far behind is let go."""
_RETRY = b"retry: 2000\n\n"
_HEARTBEAT = b": still here\n\n"
_PARTING_SECONDS = 1.0
_HEADERS = {
    # A proxy that compresses would keep small events back.
    "cache-control": "no-store, no-transform",
    # nginx would otherwise collect events until a buffer is full.
    "x-accel-buffering": "no",
}


def event(name: str, data: bytes, event_id: str = "") -> bytes:
    """One event as it is sent; `data` is one line."""
    head = f"id: {event_id}\n" if event_id else ""
    return b"%sevent: %s\ndata: %s\n\n" % (head.encode(), name.encode(), data)


class Listener:
    """Somebody who looks on: what they were not sent yet. Never more than a fixed number of events."""

    def __init__(self, first: Sequence[bytes] = (), most: int = MOST_WAITING) -> None:
        self.first = first
        self.gone = asyncio.Event()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(most)

    def tell(self, told: bytes) -> None:
        """Send it soon; who has not taken the earlier ones by now is let go and may come again."""
        try:
            self._waiting.put_nowait(told)
        except asyncio.QueueFull:
            self.gone.set()

    async def next(self) -> bytes:
        """The next event, as soon as there is one."""
        return await self._waiting.get()


class EventStream(Response):
    """Sends what a listener is told until they leave, are too slow, lose the right, or `stopping` is set."""

    media_type = "text/event-stream"

    def __init__(
        self,
        listener: Listener,
        stopping: asyncio.Event,
        still_allowed: Callable[[], Awaitable[bool]],
        left: Callable[[], None],
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._listener = listener
        self._stopping = stopping
        self._still_allowed = still_allowed
        self._left = left
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer until the first reason to end."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        reasons = [
            asyncio.ensure_future(reason)
            for reason in (
                self._write(send),
                _disconnected(receive),
                self._listener.gone.wait(),
                self._stopping.wait(),
            )
        ]
        try:
            await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._left()
            for reason in reasons:
                reason.cancel()
            await asyncio.gather(*reasons, return_exceptions=True)
        # Whoever does not read cannot be told that it is over; the connection is closed all the same.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PARTING_SECONDS):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send) -> None:
        await _part(send, _RETRY + b"".join(self._listener.first))
        clock = asyncio.get_running_loop()
        beats_at = clock.time() + self._heartbeat
        while True:
            try:
                # Whatever is told meanwhile: a right that was taken back must end in a busy hour, too.
                async with asyncio.timeout_at(beats_at):
                    told = await self._listener.next()
            except TimeoutError:
                if not await self._still_allowed():
                    return
                told, beats_at = _HEARTBEAT, clock.time() + self._heartbeat
            await _part(send, told)


async def _part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
