"""What a parser makes of a delivery: items that become facts, or a verdict with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from contracts.interactions import Alteration, Attachment, Consent, Identity, Medium

# waiting: the body is still in the object store · failed: no parser can read it yet
# · quarantined: the channel's guard set it aside until somebody releases it.
Verdict = Literal["waiting", "accepted", "ignored", "rejected", "failed", "quarantined"]
CallState = Literal["ringing", "answered", "missed", "voicemail", "recorded", "ended"]
# Empty: the event does not say. A call that is `internal` to the house makes no facts.
CallDirection = Literal["in", "out", "internal", ""]
ReceiptStatus = Literal["sent", "delivered", "read", "failed"]
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One touch by a person, as a parser sees it.

    `external_id` is the vendor's own id, unique within the channel for ever. Where the vendor has
    none, `content` is a hash by which the same content is known again within ten minutes.
    `conversation` keeps its touches in order. Without `occurred_at` it is the time of receipt.
    """

    medium: Medium
    conversation: str
    external_id: str | None = None
    content: str | None = None
    occurred_at: datetime | None = None
    identities: Sequence[Identity] = ()
    name: str | None = None
    language: str | None = None
    title: str | None = None
    text: str = ""
    fields: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()
    message_id: str | None = None
    in_reply_to: Sequence[str] = ()
    consents: Sequence[Consent] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something became of a message: `external_id` and `conversation` are those of its touch.

    `version` tells two changes of one sort apart, such as the time or number of an edit; without it
    the content of the change does.
    """

    what: Alteration
    conversation: str
    external_id: str
    version: str = ""
    occurred_at: datetime | None = None
    identities: Sequence[Identity] = ()
    name: str | None = None
    text: str = ""
    reaction: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a message that we sent. `external_id` is the vendor's id of that message.

    `message_id` is our own id of it, from vendors that give back what was sent along.
    """

    status: ReceiptStatus
    external_id: str
    message_id: str = ""
    occurred_at: datetime | None = None
    address: str = ""
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPart:
    """What one event says of one whole call; the parts of a call are folded later, in any order.

    `call` is the vendor's id of the call, never of a leg. `identities` are those of the outside
    party, `line` is our number, `agent` our extension or user. `missed` is the last word on the
    whole call. `cause` is the exchange's own word. `began_at` is when the call began to ring, where an
    event says so beside its own time.
    """

    call: str
    state: CallState
    direction: CallDirection = ""
    occurred_at: datetime | None = None
    began_at: datetime | None = None
    identities: Sequence[Identity] = ()
    name: str | None = None
    line: str = ""
    agent: str = ""
    cause: str = ""
    talk_seconds: int | None = None
    recording: str = ""
    fields: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


Item: TypeAlias = Touch | Change | Receipt | CallPart


@dataclass(frozen=True, slots=True)
class Parsed:
    """The outcome. `event` is the vendor's event, as the manifest lists it."""

    event: str
    verdict: Verdict
    items: tuple[Item, ...] = ()
    reason: str = ""

    @property
    def touches(self) -> tuple[Touch, ...]:
        """The touches by people among the items."""
        return tuple(item for item in self.items if isinstance(item, Touch))


def accepted(event: str, *items: Item) -> Parsed:
    """The delivery says something that becomes facts."""
    return Parsed(event, "accepted", items)


def ignored(event: str, reason: str) -> Parsed:
    """Understood, and on purpose no fact."""
    return Parsed(event, "ignored", reason=reason)


def rejected(event: str, reason: str) -> Parsed:
    """Not what this channel takes; no later fix of ours would change that."""
    return Parsed(event, "rejected", reason=reason)


def together(*parts: Parsed) -> Parsed:
    """One outcome of a batch: accepted if any part is, and then named after the first such part."""
    if not parts:
        return ignored(UNKNOWN, "the batch is empty")
    shown = next((part for part in parts if part.verdict == "accepted"), parts[0])
    items = tuple(item for part in parts for item in part.items)
    return Parsed(shown.event, shown.verdict, items, shown.reason)
