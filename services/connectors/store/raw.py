"""Deliveries on the bus: what goes into headers and body, where large bodies go, and back again."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, unquote

import nats.errors
import nats.js.errors
from prometheus_client import Counter

from services.connectors.domain import Delivery, delivery_id
from services.connectors.errors import Gone, NotStored
from services.runtime.bus import Bus, BusUnavailable, PublishRefused
from services.runtime.received import RawMessage
from services.runtime.streams import DELIVERIES_STORE

STREAM = "INTAKE"
SUBJECT = "intake."
# A body above this goes to the object store; the bus takes 1 MiB with headers.
INLINE_LIMIT = 512 * 1024
_HEADER_LIMIT = 4_000
_OWN = "Leadwire-"
_USUAL_METHOD = "POST"
_GIVEN = "In-"
_SAFE = re.compile(r"[!-$&-~]([ -$&-~]*[!-$&-~])?")
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

STORED = Counter("leadwire_deliveries_stored_total", "Deliveries safe on the bus.", ["channel", "outcome"])


@dataclass(frozen=True, slots=True)
class Stored:
    """A delivery as a stream holds it; with `large` its body is an object of the delivery's id."""

    delivery: Delivery
    stream: str
    seq: int
    large: bool = False


async def store(bus: Bus, delivery: Delivery, deadline: float, trace: str | None = None) -> None:
    """Return once the delivery is on disk in the bus. Raises NotStored after `deadline` seconds.

    `trace` is the W3C traceparent under which its handling goes on.
    """
    body, headers = delivery.body, _headers(delivery)
    if trace and _TRACE.fullmatch(trace):
        headers["traceparent"] = trace
    try:
        if len(body) > INLINE_LIMIT:
            begun = asyncio.get_running_loop().time()
            async with asyncio.timeout(deadline):
                await _put(bus, delivery)
            deadline -= asyncio.get_running_loop().time() - begun
            headers[_OWN + "Object"] = delivery.id
            body = b""
        subject = SUBJECT + delivery.channel
        repeated = await bus.publish_with_others(STREAM, subject, body, headers, timeout=deadline)
    except (BusUnavailable, PublishRefused, TimeoutError) as error:
        STORED.labels(delivery.channel, "refused").inc()
        raise NotStored(str(error) or "the bus did not answer in time") from error
    _counter(delivery.channel, "repeated" if repeated else "stored").inc()


@lru_cache(maxsize=4096)
def _counter(channel: str, outcome: str) -> Counter:
    """Looking a label up takes longer than counting."""
    return STORED.labels(channel, outcome)


async def _put(bus: Bus, delivery: Delivery) -> None:
    """Put the body into the object store, once: the name is its hash."""
    objects = await bus.objects(DELIVERIES_STORE)
    try:
        try:
            if (await objects.get_info(delivery.id)).size == len(delivery.body):
                return
        except nats.js.errors.NotFoundError:
            pass
        await objects.put(delivery.id, delivery.body)
    except (nats.errors.Error, nats.js.errors.Error) as error:
        raise NotStored(f"the object store failed: {type(error).__name__}") from error


def _headers(delivery: Delivery) -> dict[str, str]:
    headers = {
        "Nats-Msg-Id": delivery.id,
        _OWN + "Kind": delivery.kind,
        _OWN + "Received": delivery.received_at.isoformat(),
    }
    if delivery.method != _USUAL_METHOD:
        headers[_OWN + "Method"] = _escaped(delivery.method)
    if delivery.query:
        headers[_OWN + "Query"] = _escaped(delivery.query)
    if delivery.path:
        headers[_OWN + "Path"] = _escaped(delivery.path)
    if delivery.salt:
        headers[_OWN + "Salt"] = _escaped(delivery.salt)
    if delivery.sender:
        headers[_OWN + "Sender"] = _escaped(delivery.sender)
    for name, value in delivery.headers.items():
        headers[_GIVEN + name] = _escaped(value)
    return headers


def _escaped(value: str) -> str:
    """Safe in a header: the rest is percent-encoded."""
    if len(value) < _HEADER_LIMIT and _SAFE.fullmatch(value):
        return value
    return quote(value[:_HEADER_LIMIT], safe=_PRINTABLE, errors="replace")


def stored_delivery(message: RawMessage) -> Stored:
    """Read a message of INTAKE back. Raises ValueError when its headers are not ours."""
    headers = message.headers
    given = {
        name.removeprefix(_GIVEN).lower(): unquote(value)
        for name, value in headers.items()
        if name.startswith(_GIVEN)
    }
    delivery = Delivery(
        channel=message.subject.removeprefix(SUBJECT),
        kind=headers[_OWN + "Kind"],
        body=message.body,
        received_at=datetime.fromisoformat(headers[_OWN + "Received"]).astimezone(UTC),
        headers=given,
        query=unquote(headers.get(_OWN + "Query", "")),
        method=headers.get(_OWN + "Method", _USUAL_METHOD),
        known_id=headers["Nats-Msg-Id"],
        path=unquote(headers.get(_OWN + "Path", "")),
        salt=unquote(headers.get(_OWN + "Salt", "")),
        sender=headers.get(_OWN + "Sender", ""),
    )
    return Stored(delivery, message.stream, message.seq, _OWN + "Object" in headers)


def partner_delivery(message: RawMessage, channel: str, kind: str) -> Stored:
    """A partner's message. Its headers are the partner's and count for nothing."""
    delivery = Delivery(channel, kind, message.body, message.stored_at)
    return Stored(delivery, message.stream, message.seq)


async def large_body(bus: Bus, delivery: Delivery, deadline: float = 15.0) -> bytes:
    """The body kept in the object store. Raises Gone, or NotStored when the bus is away.

    Read chunk by chunk with single gets: the library's reader waits for ever on a chunk that a newer
    copy has replaced, and it needs a right that no service has.
    """
    try:
        async with asyncio.timeout(deadline):
            objects = await bus.objects(DELIVERIES_STORE)
            info = await objects.get_info(delivery.id)
            body = await _chunks(bus, f"$O.{DELIVERIES_STORE}.C.{info.nuid}", info.chunks or 0)
    except nats.js.errors.NotFoundError as error:
        raise Gone("the body is no longer in the object store") from error
    except (BusUnavailable, TimeoutError, nats.errors.Error, nats.js.errors.Error) as error:
        raise NotStored(f"the object store did not answer: {type(error).__name__}") from error
    if delivery_id(delivery.channel, body, delivery.salt) != delivery.id:
        raise Gone("the body in the object store is not the one that was handed over")
    return body


async def _chunks(bus: Bus, subject: str, count: int) -> bytes:
    found: list[bytes] = []
    seq = 0
    for _ in range(count):
        chunk = await bus.js.get_msg(f"OBJ_{DELIVERIES_STORE}", seq + 1, subject, next=True)
        seq = chunk.seq or 0
        found.append(chunk.data or b"")
    return b"".join(found)


async def message_at(bus: Bus, stream: str, seq: int) -> RawMessage:
    """One raw message by its sequence. Raises Gone, or NotStored when the bus is away."""
    try:
        found = await bus.js.get_msg(stream, seq)
    except nats.js.errors.NotFoundError as error:
        raise Gone("the delivery is no longer kept on the bus") from error
    except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
        raise NotStored(f"the bus did not answer: {type(error).__name__}") from error
    headers: Mapping[str, str] = found.headers or {}
    stored_at = found.time or datetime.min.replace(tzinfo=UTC)
    return RawMessage(stream, found.subject or "", seq, headers, found.data or b"", stored_at)
