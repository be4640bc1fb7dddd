"""A standing pull on one stream: an ephemeral consumer that never acknowledges, watched for gaps.

Protocol: JetStream pull consumers (NATS ADR-13). Whatever is odd breaks the feed, whose owner then
opens a new one at its position; nothing is repaired in place.
"""

import asyncio
import base64
import json
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from services.runtime.patience import gathering
from services.runtime.received import RawMessage

if TYPE_CHECKING:
    from services.runtime.bus import Bus

BATCH = 200
BATCH_BYTES = 4 * 1024 * 1024
"""What one pull may bring. At most three times as much is held; any one message is smaller than it."""
_EXPIRES_SECONDS = 30.0
_HEARTBEAT_SECONDS = 5.0
_SILENCE_SECONDS = 2.5 * _HEARTBEAT_SECONDS
_NANOSECONDS = 1_000_000_000
# Idle heartbeat; no messages, expired and full pulls end a pull in order. Any other status breaks the feed.
_HEARTBEAT, _ENDS_PULL = "100", ("404", "408")
# The latter says that all it asked for has come; it is said only of pulls with a limit of bytes.
_FULL = (("409", "Message Size Exceeds MaxBytes"), ("409", "Batch Completed"))


class FeedBroken(Exception):
    """The consumer can no longer be trusted to bring everything."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """What the server says of a stream. Size and limit are in bytes; limit 0 is none."""

    created: str
    first_seq: int
    last_seq: int
    size: int = 0
    limit: int = 0


async def api(bus: "Bus", verb: str, payload: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One JetStream API request. Raises FeedBroken with the server's description."""
    body = json.dumps(payload).encode() if payload is not None else b""
    reply = await bus.nc.request(f"$JS.API.{verb}", body, timeout=5)
    answer: dict[str, Any] = json.loads(reply.data)
    if "error" in answer:
        raise FeedBroken(f"{verb}: {answer['error'].get('description')}")
    return answer


async def stream_state(bus: "Bus", stream: str) -> StreamState:
    """The stream's identity and bounds. Raises FeedBroken when there is no such stream."""
    info = await api(bus, f"STREAM.INFO.{stream}")
    state, limit = info["state"], max(0, info["config"].get("max_bytes", 0))
    return StreamState(info["created"], state["first_seq"], state["last_seq"], state["bytes"], limit)


async def id_at(bus: "Bus", stream: str, seq: int) -> str | None:
    """The id of the message at a sequence; None when it is gone."""
    try:
        answer = await api(bus, f"STREAM.MSG.GET.{stream}", {"seq": seq})
    except FeedBroken:
        return None
    lines = base64.b64decode(answer["message"].get("hdrs", "")).decode(errors="replace")
    for line in lines.splitlines():
        name, _, value = line.partition(":")
        if name.lower() == "nats-msg-id":
            return value.strip()
    return f"{stream}:{seq}"


class Feed:
    """Messages of one stream from a sequence or a time on, in order and without a hole, or FeedBroken.

    With `subjects` only those; `pending` were there when it was opened.
    """

    def __init__(self, bus: "Bus", stream: str, start: int | datetime, subjects: Sequence[str] = ()) -> None:
        self.bus = bus
        self.stream = stream
        self.start = start
        self.subjects = subjects
        self.pending = 0
        self.name = f"feed-{uuid.uuid4().hex[:16]}"
        self._inbox = bus.nc.new_inbox()
        # How much each pull may still bring; the server serves them in the order sent.
        self._pulls: dict[str, int] = {}
        self._heard = time.monotonic()
        self._buffer: deque[RawMessage] = deque()
        self.held = 0
        """Bytes of bodies that have come and were not asked for yet."""
        self._changed = asyncio.Event()
        self._consumer_seq = 0
        self._broken: str | None = None
        self._interrupted = False
        self._handed_at: float | None = None
        self._numbers = count(1)
        self._subscription: Subscription | None = None

    @classmethod
    async def open(
        cls, bus: "Bus", stream: str, start: int | datetime, subjects: Sequence[str] = ()
    ) -> "Feed":
        """Make the consumer and send the first pull. Raises FeedBroken."""
        feed = cls(bus, stream, start, subjects)
        feed._subscription = await bus.nc.subscribe(f"{feed._inbox}.*", cb=feed._on_message)
        bus.on_reconnect(feed._on_reconnect)
        try:
            made = await api(bus, f"CONSUMER.CREATE.{stream}.{feed.name}", feed._consumer())
            feed.pending = made.get("num_pending", 0)
            await feed._pull()
        except BaseException:
            await feed.close()
            raise
        return feed

    def _consumer(self) -> dict[str, Any]:
        return {
            "stream_name": self.stream,
            "config": {
                "name": self.name,
                **self._beginning(),
                "filter_subjects": list(self.subjects),
                "ack_policy": "none",
                "replay_policy": "instant",
                "mem_storage": True,
                "num_replicas": 1,
                "inactive_threshold": 30 * _NANOSECONDS,
            },
        }

    def _beginning(self) -> dict[str, Any]:
        if isinstance(self.start, int):
            return {"deliver_policy": "by_start_sequence", "opt_start_seq": self.start}
        return {"deliver_policy": "by_start_time", "opt_start_time": self.start.isoformat()}

    async def _pull(self) -> None:
        """Keep two pulls on the server, so that the second covers the turn of the first."""
        while len(self._pulls) < 2 and len(self._buffer) <= BATCH and self.held <= BATCH_BYTES:
            number = str(next(self._numbers))
            self._pulls[number] = BATCH
            self._heard = time.monotonic()
            request = {
                "batch": BATCH,
                "max_bytes": BATCH_BYTES,
                "expires": int(_EXPIRES_SECONDS * _NANOSECONDS),
                "idle_heartbeat": int(_HEARTBEAT_SECONDS * _NANOSECONDS),
            }
            await self.bus.nc.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{self.name}",
                json.dumps(request).encode(),
                reply=f"{self._inbox}.{number}",
            )

    async def _on_message(self, message: Msg) -> None:
        self._heard = time.monotonic()
        if message.reply.startswith("$JS.ACK."):
            self._take(message)
            return
        headers = message.headers or {}
        status = headers.get("Status", "")
        if status in _ENDS_PULL or (status, headers.get("Description")) in _FULL:
            self._pulls.pop(message.subject.rsplit(".", 1)[1], None)
            self._changed.set()
        elif status != _HEARTBEAT:
            self._break(f"status {status or 'missing'}")

    def _take(self, message: Msg) -> None:
        stream_seq, consumer_seq, stored_at = _ack_numbers(message.reply)
        if consumer_seq != self._consumer_seq + 1:
            self._break(f"consumer sequence {consumer_seq} after {self._consumer_seq}")
            return
        self._consumer_seq = consumer_seq
        self._count_off()
        headers = message.headers or {}
        self._buffer.append(
            RawMessage(self.stream, message.subject, stream_seq, headers, message.data, stored_at)
        )
        self.held += len(message.data)
        self._changed.set()

    def _count_off(self) -> None:
        oldest = next(iter(self._pulls), None)
        if oldest is not None:
            self._pulls[oldest] -= 1
            if self._pulls[oldest] == 0:
                del self._pulls[oldest]

    def _on_reconnect(self) -> None:
        self._break("reconnected")

    def _break(self, reason: str) -> None:
        self._broken = self._broken or reason
        self._changed.set()

    def interrupt(self) -> None:
        """Make a waiting `next` return at once with nothing."""
        self._interrupted = True
        self._changed.set()

    async def next(self, patience: float) -> list[RawMessage]:
        """Up to a batch of messages, as soon as there are any; none after `patience` seconds.

        Raises FeedBroken. What was buffered before a break is thrown away with the feed.
        """
        await self._gather()
        if not self._buffer and not self._broken and not self._interrupted:
            self._changed.clear()
            await self._pull()
            try:
                async with asyncio.timeout(patience):
                    await self._changed.wait()
            except TimeoutError:
                self._check_silence()
        if self._broken:
            raise FeedBroken(self._broken)
        taken = [self._buffer.popleft() for _ in range(min(BATCH, len(self._buffer)))]
        self.held -= sum(len(message.body) for message in taken)
        await self._pull()
        self._handed_at = time.monotonic() if taken else None
        return taken

    async def _gather(self) -> None:
        """Let more come while much is going on; whoever comes alone has been handed out at once."""
        if self._handed_at is None or len(self._buffer) >= BATCH // 2 or self._interrupted:
            return
        await asyncio.sleep(gathering(time.monotonic() - self._handed_at))

    def _check_silence(self) -> None:
        if self._pulls and time.monotonic() - self._heard > _SILENCE_SECONDS:
            self._break("missed heartbeats")

    async def close(self) -> None:
        """Let go of the subscription; the server forgets the consumer after 30 s."""
        self.bus.off_reconnect(self._on_reconnect)
        if self.bus.nc.is_closed or self._subscription is None:
            return
        try:
            await self._subscription.unsubscribe()
            await self.bus.nc.publish(f"$JS.API.CONSUMER.DELETE.{self.stream}.{self.name}")
        except Exception:
            # The connection is going; the consumer's inactivity threshold cleans up instead.
            return


def _ack_numbers(reply: str) -> tuple[int, int, datetime]:
    """Stream sequence, consumer sequence and time from a `$JS.ACK` subject, version 1 or 2."""
    tokens = reply.split(".")
    shift = 0 if len(tokens) == 9 else 2
    stream_seq, consumer_seq, stamp = (int(token) for token in tokens[5 + shift : 8 + shift])
    return stream_seq, consumer_seq, datetime.fromtimestamp(stamp / _NANOSECONDS, UTC)
