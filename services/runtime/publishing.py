"""Publishing that is sure: one message, tried again with its id, or a batch in one commit.

Protocols: JetStream publish acknowledgements (NATS ADR-22), atomic batch publish (NATS ADR-50).
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import Header, PubAck

MESSAGE_ID = "Nats-Msg-Id"
BATCH_LIMIT = 1000
# The stream was made without them.
BATCHES_DISABLED = 10174
_ATTEMPT_SECONDS = 2.0
# "No room" comes with status 503 too, but does not pass by itself: resources, storage, limits.
_NO_ROOM = (10023, 10047, 10077)
Write = Callable[[Sequence[bytes]], Awaitable[None]]


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
    write: Write, js: JetStreamContext, stream: str, messages: Sequence[Message], timeout: float
) -> PubAck:
    """Store messages in one commit, in order, or none of them. Raises BatchRefused.

    `write` puts onto the wire what is encoded already: that is most of the work for small messages.
    """
    if not 0 < len(messages) <= BATCH_LIMIT:
        raise ValueError(f"a batch holds 1 to {BATCH_LIMIT} messages, not {len(messages)}")
    batch_id = uuid.uuid4().hex
    of_all = f"{Header.EXPECTED_STREAM.value}: {stream}\r\nNats-Batch-Id: {batch_id}\r\n"
    last, place = messages[-1], str(len(messages))
    commit = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": place, "Nats-Batch-Commit": "1"}
    try:
        if len(messages) > 1:
            await write(
                [_publication(one, of_all, number) for number, one in enumerate(messages[:-1], start=1)]
            )
        sent = for_stream(stream, last.headers) | commit
        return await js.publish(last.subject, last.body, timeout=timeout, headers=sent)
    except nats.js.errors.APIError as error:
        raise BatchRefused(error.err_code, error.description or "refused") from error
    except (nats.errors.Error, nats.js.errors.Error, OSError) as error:
        raise BatchRefused(None, type(error).__name__) from error


def _publication(message: Message, of_all: str, place: int) -> bytes:
    """One message of a batch as it goes over the wire (NATS client protocol, HPUB)."""
    headers = message.headers
    own = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if own.count("\n") != len(headers) or own.count("\r") != len(headers):
        raise ValueError("a header holds the end of a line")
    if MESSAGE_ID not in headers:
        own += f"{MESSAGE_ID}: {uuid.uuid4().hex}\r\n"
    head = f"NATS/1.0\r\n{of_all}Nats-Batch-Sequence: {place}\r\n{own}\r\n".encode()
    size = len(head)
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (
        message.subject.encode(),
        size,
        size + len(message.body),
        head,
        message.body,
    )
