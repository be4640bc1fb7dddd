"""Publishing that is sure: one message, tried again with its id, or a batch in one commit.

Protocols: JetStream publish acknowledgements (NATS ADR-22), atomic batch publish (NATS ADR-50).
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Protocol

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import Header, PubAck

MESSAGE_ID = "Nats-Msg-Id"
BATCH_LIMIT = 1000
DUPLICATE_IN_BATCH = 10201
# The stream was made without them.
BATCHES_DISABLED = 10174
_ATTEMPT_SECONDS = 2.0
# "No room" comes with status 503 too, but does not pass by itself: resources, storage, limits.
_NO_ROOM = (10023, 10047, 10077)


class BusUnavailable(Exception):
    """The bus did not answer in time. What was published may have landed or not."""


class PublishRefused(Exception):
    """The stream refused a message; `code` is the JetStream error code."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code


class BatchRefused(PublishRefused):
    """A batch was not acknowledged. Without a code no answer came: all of it or none is stored."""


class Message(Protocol):
    """What goes into a batch."""

    @property
    def subject(self) -> str:
        """Where it goes."""
        ...

    @property
    def body(self) -> bytes:
        """What it says."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, among them the message id."""
        ...


def for_stream(stream: str, headers: Mapping[str, str] | None) -> dict[str, str]:
    """Headers that no other stream accepts, with a message id if there was none."""
    sent = {**(headers or {}), Header.EXPECTED_STREAM.value: stream}
    if MESSAGE_ID not in sent:
        sent[MESSAGE_ID] = uuid.uuid4().hex
    return sent


async def attempt(
    js: JetStreamContext, subject: str, body: bytes, headers: Mapping[str, str]
) -> PubAck | None:
    """Publish once; None when it is worth another try. Raises BusUnavailable, PublishRefused."""
    try:
        return await js.publish(subject, body, timeout=_ATTEMPT_SECONDS, headers=dict(headers))
    except nats.js.errors.APIError as error:
        if error.code == 503 and error.err_code not in _NO_ROOM:
            return None
        raise PublishRefused(error.err_code, error.description or "refused") from error
    except nats.errors.MaxPayloadError as error:
        raise PublishRefused(None, "larger than the bus takes") from error
    except nats.errors.ConnectionClosedError as error:
        raise BusUnavailable("the connection to the bus is closed") from error
    except (nats.errors.Error, nats.js.errors.Error, OSError):
        return None


async def batch(
    nc: Client, js: JetStreamContext, stream: str, messages: Sequence[Message], timeout: float
) -> PubAck:
    """Store messages in one commit, in order, or none of them. Raises BatchRefused."""
    if not 0 < len(messages) <= BATCH_LIMIT:
        raise ValueError(f"a batch holds 1 to {BATCH_LIMIT} messages, not {len(messages)}")
    parts = _numbered(stream, messages)
    try:
        for message, headers in zip(messages[:-1], parts[:-1], strict=True):
            await nc.publish(message.subject, message.body, headers=headers)
        last, headers = messages[-1], parts[-1] | {"Nats-Batch-Commit": "1"}
        return await js.publish(last.subject, last.body, timeout=timeout, headers=headers)
    except nats.js.errors.APIError as error:
        raise BatchRefused(error.err_code, error.description or "refused") from error
    except (nats.errors.Error, nats.js.errors.Error, OSError) as error:
        raise BatchRefused(None, type(error).__name__) from error


def _numbered(stream: str, messages: Sequence[Message]) -> list[dict[str, str]]:
    batch_id = uuid.uuid4().hex
    return [
        for_stream(stream, message.headers) | {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(place)}
        for place, message in enumerate(messages, start=1)
    ]
