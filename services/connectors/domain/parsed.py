"""What a parser makes of a delivery: touches, or a verdict with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from contracts.interactions import Attachment, Consent, Identity, Medium

# waiting: the body is still in the object store · failed: no parser can read it yet.
Verdict = Literal["waiting", "accepted", "ignored", "rejected", "failed"]


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


@dataclass(frozen=True, slots=True)
class Parsed:
    """The outcome. `event` is the vendor's event, as the manifest lists it."""

    event: str
    verdict: Verdict
    touches: tuple[Touch, ...] = ()
    reason: str = ""


def accepted(event: str, *touches: Touch) -> Parsed:
    """The delivery holds touches by people."""
    return Parsed(event, "accepted", touches)


def ignored(event: str, reason: str) -> Parsed:
    """Understood, and on purpose no interaction."""
    return Parsed(event, "ignored", reason=reason)


def rejected(event: str, reason: str) -> Parsed:
    """Not what this channel takes; no later fix of ours would change that."""
    return Parsed(event, "rejected", reason=reason)
