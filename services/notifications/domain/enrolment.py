"""One contact's run through one version of a sequence: running, then ended for exactly one reason."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from contracts.notifications import EndReason

MessageState = Literal["queued", "sending", "sent", "not_sent", "unknown", "cancelled"]
StopEvent = Literal["replied"]
UnknownPolicy = Literal["never", "repeat"]

RUNNING: Final = "running"
UNSETTLED: Final = ("queued", "sending")
BEGUN: Final = ("sending", "sent", "unknown")

_NEWS_TAKES: Final = timedelta(minutes=1)
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
    """An enrolment as the rules see it. `begun` counts its messages that went out, or may have."""

    id: uuid.UUID
    sequence: str
    enrolled_at: datetime
    stop_on: tuple[str, ...] = ()
    ended_at: datetime | None = None
    begun: int = 0


def stopped_by_touch(runs: Iterable[Run], occurred_at: datetime, *, answers_us: bool) -> list[Run]:
    """The runs that a person's touch stops: it answers a message of ours, or came after the enrolment."""
    return [run for run in runs if "replied" in run.stop_on and (answers_us or occurred_at > run.enrolled_at)]


def superseded_by_merge(staying: Iterable[Run], absorbed: Iterable[Run]) -> list[Run]:
    """The running ones that end when two persons turn out to be one: nobody is written to twice.

    Where both run through the same sequence, the one that is further goes on, or else the older. Where
    one wrote and ended while the other ran, or just before, neither does.
    """
    kept, added = list(staying), list(absorbed)
    pairs = [(run, added) for run in kept] + [(run, kept) for run in added]
    return [run for run, rivals in pairs if run.ended_at is None and _gives_way(run, rivals)]


def repeats(asked_at: datetime, rivals: Iterable[Run], *, absorbed: bool) -> bool:
    """Whether a run that is asked for would repeat one that the person has under another name.

    It runs, or wrote and has just ended. Who asks for an `absorbed` contact had not heard of the merge; who
    asks for the one that stays may not have either, if the other run is no older than such news takes.
    """
    since = asked_at - _NEWS_TAKES
    return any(
        rival.ended_at is None or _wrote(rival, asked_at)
        for rival in rivals
        if absorbed or rival.enrolled_at > since
    )


def _gives_way(run: Run, rivals: Iterable[Run]) -> bool:
    same = [rival for rival in rivals if rival.sequence == run.sequence]
    return any(
        _rank(rival) < _rank(run) if rival.ended_at is None else _wrote(rival, run.enrolled_at)
        for rival in same
    )


def _rank(run: Run) -> tuple[int, datetime, uuid.UUID]:
    return -run.begun, run.enrolled_at, run.id


def _wrote(ended: Run, moment: datetime) -> bool:
    """Whether it wrote something and ended after that moment, or so shortly before that nobody knew."""
    return ended.begun > 0 and ended.ended_at is not None and ended.ended_at > moment - _NEWS_TAKES
