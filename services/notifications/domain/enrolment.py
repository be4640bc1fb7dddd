"""One contact's run through one version of a sequence: running, then ended for exactly one reason."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from contracts.notifications import EndReason

MessageState = Literal["queued", "sending", "sent", "not_sent", "unknown", "cancelled"]
StopEvent = Literal["replied"]
UnknownPolicy = Literal["never", "repeat"]

RUNNING: Final = "running"
UNSETTLED: Final = ("queued", "sending")

_NAMESPACE: Final = uuid.UUID("0c3f2f53-51d5-5b0e-8f1f-0f1b7a6f9a52")


def enrolment_id(contact_id: uuid.UUID, sequence: str, deal_id: uuid.UUID | None) -> uuid.UUID:
    """The same for every repeat of the same wish."""
    return uuid.uuid5(_NAMESPACE, f"enrolment|{contact_id}|{sequence}|{deal_id or ''}")


def message_id(enrolment: uuid.UUID, step: str) -> uuid.UUID:
    """One message per enrolment and step, for ever."""
    return uuid.uuid5(_NAMESPACE, f"message|{enrolment}|{step}")


def internet_message_id(message: uuid.UUID, step: str, domain: str) -> str:
    """Its Message-ID (RFC 5322) without brackets: deterministic, so that a repeat can be recognised."""
    return f"{message}.{step}@{domain}"


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """What an enrolment needs to know of one of its messages; `ends` when its fate ends the run."""

    state: MessageState
    ends: EndReason | None = None


def ending(messages: Sequence[MessageOutcome], *, armed: bool) -> EndReason | None:
    """Why the run ends now; None while it goes on.

    A run that went through all its steps is `completed`, but `unknown` when the fate of a message is.
    """
    for message in messages:
        if message.ends is not None:
            return message.ends
    if armed or any(message.state in UNSETTLED for message in messages):
        return None
    return "unknown" if any(message.state == "unknown" for message in messages) else "completed"


@dataclass(frozen=True, slots=True)
class Run:
    """An enrolment that is still running."""

    id: uuid.UUID
    sequence: str
    enrolled_at: datetime
    stop_on: tuple[str, ...] = ()


def stopped_by_touch(runs: Iterable[Run], occurred_at: datetime, *, answers_us: bool) -> list[Run]:
    """The runs that a person's touch stops: it answers a message of ours, or came after the enrolment."""
    return [run for run in runs if "replied" in run.stop_on and (answers_us or occurred_at > run.enrolled_at)]


def superseded_by_merge(staying: Iterable[Run], absorbed: Iterable[Run]) -> list[Run]:
    """Where both persons run through the same sequence, the runs that end: all but the oldest."""
    kept, added = list(staying), list(absorbed)
    both = {run.sequence for run in kept} & {run.sequence for run in added}
    ended: list[Run] = []
    for sequence in sorted(both):
        runs = [run for run in [*kept, *added] if run.sequence == sequence]
        ended += sorted(runs, key=lambda run: (run.enrolled_at, run.id))[1:]
    return ended
