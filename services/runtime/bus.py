"""One process's door to the bus: a NATS connection that is kept for ever."""

import asyncio
import json
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import PubAck
from nats.js.kv import KeyValue
from nats.js.object_store import ObjectStore
from prometheus_client import Counter

from services.runtime import publishing
from services.runtime.lots import Lots
from services.runtime.publishing import BatchRefused, BusUnavailable, Message, PublishRefused

__all__ = ["AnswerRefused", "BatchRefused", "Bus", "BusUnavailable", "PublishRefused", "Unanswered"]

log = structlog.get_logger()
RECONNECTS = Counter("leadwire_bus_reconnects_total", "Connections to the bus made anew.")

# A half-open connection is noticed after three of these.
_PING_SECONDS = 5
_LONGEST_PAUSE = 0.5
# What a reconnection usually takes.
_SHORT_BREAK = 2.0


class Unanswered(BusUnavailable):
    """Nobody answered a question."""


class AnswerRefused(Exception):
    """The one who was asked answered with an error."""


class _Client(Client):
    """A client that sends no request before its first connection stands.

    nats-py 2.16 takes one earlier, and when that connection breaks while it is made, either never
    hears an answer again (it keeps an inbox that it could not subscribe to) or gives up connecting.
    """

    stands = False

    async def request(self, *args: Any, **kwargs: Any) -> Msg:
        """Ask and wait for the answer. Raises ConnectionReconnectingError before the first connection."""
        if not self.stands:
            raise nats.errors.ConnectionReconnectingError
        return await super().request(*args, **kwargs)

    async def write(self, publications: Sequence[bytes]) -> None:
        """Send publications that are encoded already, all at once; what the library does for each.

        Raises ConnectionReconnectingError when there is no connection: nothing is kept for later. Raises
        MaxPayloadError when one is too large: the server would end the connection.
        """
        if not self.is_connected:
            raise nats.errors.ConnectionReconnectingError
        if max(map(len, publications)) > self.max_payload:
            raise nats.errors.MaxPayloadError
        self.stats["out_msgs"] += len(publications)
        wire = b"".join(publications)
        self.stats["out_bytes"] += len(wire)
        await self._send_command(wire)
        await self._flush_pending()


class Bus:
    """A NATS connection shared by everything in one process. It reconnects for ever."""

    def __init__(
        self,
        url: str,
        *,
        seed_path: Path | None = None,
        name: str = "leadwire",
        inbox_prefix: str = "_INBOX",
    ) -> None:
        self.url = url
        self.seed_path = seed_path
        self.name = name
        self.inbox_prefix = inbox_prefix
        self.nc = _Client()
        self.js: JetStreamContext = self.nc.jetstream(timeout=5)
        self.opened = asyncio.Event()
        self.lost = asyncio.Event()
        self._linked = asyncio.Event()
        self._closing = False
        self._listeners: list[Callable[[], None]] = []
        self._buckets: dict[str, KeyValue] = {}
        self._stores: dict[str, ObjectStore] = {}
        self._lots: dict[str, Lots] = {}
        self._last_error = ""

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        seed_path: Path | None = None,
        name: str = "leadwire",
        inbox_prefix: str = "_INBOX",
    ) -> "Bus":
        """Connect, however long it takes. `url` may hold a password, and several addresses."""
        bus = cls(url, seed_path=seed_path, name=name, inbox_prefix=inbox_prefix)
        await bus.open()
        return bus

    async def open(self) -> None:
        """Connect for the first time; tries until it succeeds."""
        await self.nc.connect(
            servers=[address.strip() for address in self.url.split(",")],
            name=self.name,
            nkeys_seed=str(self.seed_path) if self.seed_path else None,
            inbox_prefix=self.inbox_prefix,
            max_reconnect_attempts=-1,
            # nats-py waits this long between attempts; drawn once, so that processes spread out.
            reconnect_time_wait=random.uniform(0.2, 0.6),  # type: ignore[arg-type]
            connect_timeout=5,
            ping_interval=_PING_SECONDS,
            max_outstanding_pings=2,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
        )
        self.nc.stands = True
        self._last_error = ""
        self._linked.set()
        self.opened.set()
        log.info("bus.connected", server=self.nc.connected_url and self.nc.connected_url.hostname)

    @property
    def connected(self) -> bool:
        """Whether the connection stands right now."""
        return self.opened.is_set() and self.nc.is_connected

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Call `callback` after every reconnection; it must not block. Any number may listen."""
        self._listeners.append(callback)

    def off_reconnect(self, callback: Callable[[], None]) -> None:
        """Take a listener back."""
        with suppress(ValueError):
            self._listeners.remove(callback)

    async def publish(
        self,
        stream: str,
        subject: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> PubAck:
        """Store a message in a stream and return once it is on disk there.

        Tries again with the same id for `timeout` seconds. Raises BusUnavailable, PublishRefused.
        """
        sent = publishing.for_stream(stream, headers)
        pause = 0.02
        try:
            async with asyncio.timeout(timeout):
                while True:
                    await self._linked.wait()
                    stored = await publishing.attempt(self.js, subject, body, sent)
                    if stored:
                        return stored
                    await asyncio.sleep(random.uniform(pause / 2, pause))
                    pause = min(_LONGEST_PAUSE, pause * 2)
        except TimeoutError as error:
            raise BusUnavailable(f"{stream} did not acknowledge within {timeout} s") from error

    async def publish_with_others(
        self, stream: str, subject: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> bool:
        """As `publish`, for what comes by the thousand, each on its own: it may share a commit with others.

        `headers` hold the message id. Returns whether the stream had it already.
        """
        lots = self._lots.get(stream)
        if lots is None:
            lots = self._lots[stream] = Lots(self, stream)
        return await lots.publish(subject, body, headers, timeout)

    async def publish_batch(self, stream: str, messages: Sequence[Message], timeout: float = 10.0) -> PubAck:
        """Store up to 1,000 messages in one commit: all of them, in order, or none.

        Raises BatchRefused: 10201 when an id is stored already, None as code when no answer came
        (then all or none may be stored).
        """
        if not self.connected:
            raise BatchRefused(None, "not connected")
        return await publishing.batch(self.nc.write, self.js, stream, messages, timeout)

    async def request(self, subject: str, payload: Mapping[str, Any], timeout: float = 2.0) -> dict[str, Any]:
        """Ask a question in JSON. Raises Unanswered, or AnswerRefused with the answer's error."""
        body = json.dumps(payload).encode()
        try:
            async with asyncio.timeout(timeout):
                await self._linked.wait()
                reply = await self.nc.request(subject, body, timeout=timeout)
            answer: dict[str, Any] = json.loads(reply.data)
        except (nats.errors.Error, TimeoutError, OSError, ValueError) as error:
            raise Unanswered(f"{subject}: {type(error).__name__}") from error
        if "error" in answer:
            raise AnswerRefused(str(answer["error"]))
        return answer

    async def kv(self, bucket: str) -> KeyValue:
        """A key-value bucket. Raises BusUnavailable when it is missing or nobody answers."""
        if bucket not in self._buckets:
            self._buckets[bucket] = await self._found(self.js.key_value, bucket)
        return self._buckets[bucket]

    async def objects(self, bucket: str) -> ObjectStore:
        """An object store. Raises BusUnavailable when it is missing or nobody answers."""
        if bucket not in self._stores:
            self._stores[bucket] = await self._found(self.js.object_store, bucket)
        return self._stores[bucket]

    async def _found(self, open_bucket: Callable[[str], Any], bucket: str) -> Any:
        try:
            async with asyncio.timeout(_SHORT_BREAK):
                await self._linked.wait()
            return await open_bucket(bucket)
        except nats.js.errors.BucketNotFoundError as error:
            raise BusUnavailable(f"bucket {bucket} is missing: run `leadwire provision`") from error
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise BusUnavailable(f"bucket {bucket}: {type(error).__name__}") from error

    async def close(self) -> None:
        """Flush what is under way and hang up."""
        self._closing = True
        for lots in self._lots.values():
            await lots.close()
        if self.connected:
            with suppress(nats.errors.Error, TimeoutError, OSError):
                await self.nc.flush(timeout=2)
        await self.nc.close()

    async def _on_error(self, error: Exception) -> None:
        told = f"{type(error).__name__}: {error}"
        if told != self._last_error and not self._closing:
            self._last_error = told
            log.warning("bus.error", error=told)

    async def _on_disconnected(self) -> None:
        self._linked.clear()
        if not self._closing:
            log.warning("bus.disconnected")

    async def _on_reconnected(self) -> None:
        self._last_error = ""
        RECONNECTS.inc()
        log.info("bus.reconnected")
        self._linked.set()
        for listener in list(self._listeners):
            try:
                listener()
            except Exception:
                log.exception("bus.listener_failed")

    async def _on_closed(self) -> None:
        # The server may end a connection for good, by revoking a user for instance.
        if self.opened.is_set() and not self._closing:
            log.critical("bus.lost")
            self.lost.set()
