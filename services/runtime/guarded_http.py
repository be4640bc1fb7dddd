"""uvicorn's HTTP protocol with limits on what a client may take: time, header bytes, memory.

Without them a client that sends one header line a minute holds its connection for ever, and a header or
a pile of half-sent bodies may be as large as memory (slowloris; RFC 9110 knows 408 and 431 for it).
"""

import asyncio
import json
from http import HTTPStatus
from typing import Any, ClassVar, cast

from prometheus_client import Counter
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from services.runtime.joined_writes import JoinedWrites

REFUSED = Counter("leadwire_http_refused_total", "Connections ended for want of manners.", ["status"])

HEAD_SECONDS = 10.0
HEAD_BYTES = 64 * 1024
BODY_SECONDS = 10.0
SLOWEST_BYTES_PER_SECOND = 8 * 1024
MOST_HELD_BYTES = 256 * 1024 * 1024
# Closed at once, the kernel would throw away the answer together with what the client still sends.
_LINGER_SECONDS = 1.0

_Refusal = tuple[int, str, str]
_HEAD_SLOW: _Refusal = (408, f"The head took longer than {HEAD_SECONDS:.0f} s.", "Send it at once.")
_HEAD_LARGE: _Refusal = (
    431,
    f"The head is larger than {HEAD_BYTES} bytes.",
    "Send fewer or shorter headers.",
)
_BODY_SLOW: _Refusal = (
    408,
    f"The body comes slower than {SLOWEST_BYTES_PER_SECOND} bytes a second.",
    "Send it again over a better line.",
)
_FULL: _Refusal = (503, "Too many large requests are under way.", "Nothing was lost; try again soon.")


class GuardedHttp(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
    """A connection that is ended when its client dawdles or asks for too much."""

    _held_by_all: ClassVar[int] = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._body_bytes = 0
        self._held = 0
        self._body_began = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._ending = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A first request is due."""
        super().connection_made(JoinedWrites(cast(asyncio.Transport, transport), self.loop))
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what it held."""
        self._stop_timer()
        self._release()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the client has gone too far."""
        if self._ending:
            return
        before = self.cycle
        super().data_received(data)
        if self._ending or self.transport.is_closing():
            return
        if self.cycle is not before:
            self._head_bytes = 0
            self._stop_timer()
            self._body_bytes, self._body_began = 0, self.loop.time()
        if self.cycle is None or self.cycle.response_complete:
            self._head_goes_on(len(data))
        elif self.cycle.more_body:
            self._body_goes_on(len(data))
        else:
            self._stop_timer()

    def on_response_complete(self) -> None:
        """The request is over; the rest of its body, if any, is read and thrown away for a while."""
        self._release()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, as problem details."""
        self._refuse((400, msg, "Speak HTTP/1.1 as in RFC 9112."))

    def _head_goes_on(self, more: int) -> None:
        unread = self.cycle is not None and self.cycle.more_body
        self._head_bytes += 0 if unread else more
        if self._head_bytes > HEAD_BYTES:
            self._refuse(_HEAD_LARGE)
        elif self._timer is None:
            self._await_head()

    def _await_head(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_is_late(self) -> None:
        if self._head_bytes:
            self._refuse(_HEAD_SLOW)
        else:
            self.transport.close()

    def _body_goes_on(self, more: int) -> None:
        self._body_bytes += more
        self._held += more
        GuardedHttp._held_by_all += more
        if GuardedHttp._held_by_all > MOST_HELD_BYTES:
            self._refuse(_FULL)
        elif self._timer is None:
            self._timer = self.loop.call_at(self._body_due(), self._body_is_late)

    def _body_due(self) -> float:
        return self._body_began + BODY_SECONDS + self._body_bytes / SLOWEST_BYTES_PER_SECOND

    def _body_is_late(self) -> None:
        self._timer = None
        if self.cycle.response_started or not self.cycle.more_body:
            return
        if self.loop.time() < self._body_due():
            self._timer = self.loop.call_at(self._body_due(), self._body_is_late)
        else:
            self._refuse(_BODY_SLOW)

    def _release(self) -> None:
        GuardedHttp._held_by_all -= self._held
        self._held = 0

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, refusal: _Refusal) -> None:
        """Answer, unless the application has begun to, and end the connection."""
        self._ending = True
        self._stop_timer()
        self._release()
        REFUSED.labels(refusal[0]).inc()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_written(*refusal))
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(_LINGER_SECONDS, self.transport.close)


def _written(status: int, detail: str, remedy: str) -> bytes:
    """The answer as bytes (RFC 9112, RFC 9457)."""
    title = HTTPStatus(status).phrase
    told = {"type": "about:blank", "status": status, "title": title, "detail": detail, "remedy": remedy}
    body = json.dumps(told).encode()
    again = "retry-after: 5\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = (
        f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n{again}connection: close\r\n\r\n"
    )
    return head.encode() + body
