"""What a reader hands to a handler, and how bytes from a stream become it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from contracts.contract import Contract
from contracts.envelope import KEY_HEADER, Envelope, decode
from services.runtime.cause import Cause

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One message as the stream holds it. `stored_at` is the server's time."""

    stream: str
    subject: str
    seq: int
    headers: Mapping[str, str]
    body: bytes
    stored_at: datetime

    @property
    def own_id(self) -> str:
        """What identifies the message when nothing in it can be read."""
        return self.headers.get("Nats-Msg-Id") or f"{self.stream}:{self.seq}"


@dataclass(frozen=True, slots=True)
class Received(Generic[T]):
    """A decoded message. With `broken` set it could not be decoded and has no data."""

    event_id: str
    type: str
    key: str
    data: T
    cause: Cause
    message: RawMessage
    envelope: Envelope | None = None
    broken: str | None = field(default=None, compare=False)

    @property
    def stream(self) -> str:
        """The stream it was read from."""
        return self.message.stream

    @property
    def seq(self) -> int:
        """Its sequence in the stream."""
        return self.message.seq

    @property
    def received_at(self) -> datetime:
        """When the bus stored it."""
        return self.message.stored_at


Decoder = Callable[[RawMessage], "Received[object]"]


def broken(message: RawMessage, reason: str) -> "Received[object]":
    """A message that cannot be read; its key header still holds its own entity back."""
    event_id = message.headers.get("ce-id") or message.own_id
    key = message.headers.get(KEY_HEADER) or f"undecodable:{event_id}"
    cause = Cause(event_id, event_id, message.headers.get("traceparent"))
    kind = message.headers.get("ce-type", "undecodable")
    return Received(event_id, kind, key, None, cause, message, broken=reason)


def decoder(contracts: Mapping[str, type[Contract]]) -> Decoder:
    """Reads envelopes; the data of types not in `contracts` stays unread."""

    def read(message: RawMessage) -> "Received[object]":
        try:
            envelope = decode(message.body)
            contract = contracts.get(envelope.type)
            data = contract.model_validate(envelope.data) if contract else None
        except ValueError as error:
            return broken(message, _without_input(error))
        cause = Cause(envelope.id, envelope.correlationid or envelope.id, envelope.traceparent)
        key = data.key() if data is not None else ""
        return Received(envelope.id, envelope.type, key, data, cause, message, envelope)

    return read


def _without_input(error: ValueError) -> str:
    """Which fields are wrong and how; never the values, which may be personal."""
    details = getattr(error, "errors", None)
    if details is None:
        return f"not readable: {type(error).__name__}"
    rows = details(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, row['loc'])) or 'body'}: {row['msg']}" for row in rows)
