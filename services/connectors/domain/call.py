"""One call out of what many events say of it: folded part by part, and the facts that follow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from contracts import calls as facts
from contracts.contract import Fact
from contracts.interactions import Identity, InteractionReceived, Sender
from services.connectors.domain.delivery import Delivery
from services.connectors.domain.interaction import interaction, interaction_id, plausible, sender
from services.connectors.domain.parsed import CallDirection, CallPart, Touch
from services.connectors.domain.text import MAX_LINE, single_line

# Which word on the direction wins when parts of one call differ.
_DIRECTIONS: tuple[CallDirection, ...] = ("", "in", "out", "internal")
_MOST_RECORDINGS = 50


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of one call. `published` names the facts that are out and never come again."""

    external_id: str
    direction: CallDirection = ""
    identities: tuple[Identity, ...] = ()
    name: str | None = None
    line: str = ""
    agent: str = ""
    cause: str = ""
    talk_seconds: int | None = None
    ringing: bool = False
    began_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    voicemail_at: datetime | None = None
    recordings: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    published: frozenset[str] = frozenset()

    @property
    def outcome(self) -> facts.CallOutcome:
        """How it went, as far as it went."""
        if self.answered_at:
            return "answered"
        return "voicemail" if self.voicemail_at else "missed"


def call_id(delivery: Delivery, vendor_id: str) -> UUID:
    """The permanent id of a call; the interaction that it makes has the same."""
    return interaction_id(delivery.channel, call_name(vendor_id), delivery.kind)


def call_name(vendor_id: str) -> str:
    """The vendor's id of a call as it is kept."""
    return single_line(vendor_id, 998)


def fold(call: Call, part: CallPart, received_at: datetime) -> Call:
    """The call with what one more event says of it."""
    at = plausible(part.occurred_at, received_at)
    began = plausible(part.began_at, received_at) if part.began_at else at
    known = dict.fromkeys((*call.identities, *part.identities))
    call = replace(
        call,
        direction=max(call.direction, part.direction, key=_DIRECTIONS.index),
        identities=tuple(known)[:20],
        name=call.name or part.name,
        line=call.line or single_line(part.line, 100),
        agent=_agent(call, part),
        cause=single_line(part.cause, MAX_LINE) or call.cause,
        talk_seconds=call.talk_seconds if part.talk_seconds is None else max(0, part.talk_seconds),
        began_at=min(filter(None, (call.began_at, at, began))),
        fields={**call.fields, **part.fields},
    )
    return _moved(call, part, at)


def _agent(call: Call, part: CallPart) -> str:
    """Whoever answered; until then the first who was rung."""
    told = single_line(part.agent, 100)
    return (told or call.agent) if part.state == "answered" else (call.agent or told)


def _moved(call: Call, part: CallPart, at: datetime) -> Call:
    match part.state:
        case "ringing":
            return replace(call, ringing=True)
        case "answered":
            return replace(call, answered_at=min(filter(None, (call.answered_at, at))))
        case "voicemail":
            return replace(call, voicemail_at=at, recordings=_recordings(call, part))
        case "recorded":
            return replace(call, recordings=_recordings(call, part))
        case _:
            talked = part.talk_seconds or 0
            answered = at - timedelta(seconds=min(talked, 86_400)) if talked > 0 else None
            return replace(
                call,
                ended_at=max(filter(None, (call.ended_at, at))),
                answered_at=call.answered_at or answered,
                recordings=_recordings(call, part),
            )


def _recordings(call: Call, part: CallPart) -> tuple[str, ...]:
    told = single_line(part.recording, 2_000)
    return tuple(dict.fromkeys((*call.recordings, *([told] if told else []))))[:_MOST_RECORDINGS]


def facts_of(call: Call, delivery: Delivery) -> Iterator[tuple[str, Fact]]:
    """Every fact the call has come to, by the name under which it is published once.

    A call inside the house has none; one that does not say where it goes comes in.
    """
    if call.direction == "internal":
        return
    incoming = call.direction != "out"
    over = call.ended_at is not None
    if call.ringing and not (call.answered_at or over or call.voicemail_at):
        yield "ringing", facts.CallRinging(**_about(call, delivery, call.began_at))
    if call.answered_at:
        yield "answered", facts.CallAnswered(**_about(call, delivery, call.answered_at))
    if incoming and _is_told(call):
        yield "interaction", _interaction(call, delivery)
    if call.voicemail_at:
        left = next(iter(call.recordings), None)
        about = _about(call, delivery, call.voicemail_at)
        yield "voicemail", facts.CallVoicemail(**about, recording=left)
    if over:
        about = {**_about(call, delivery, call.ended_at), "cause": call.cause or None}
        if incoming and call.outcome == "missed":
            yield "missed", facts.CallMissed(**about)
        talked = call.talk_seconds if call.answered_at else None
        yield "ended", facts.CallEnded(**about, outcome=call.outcome, talk_seconds=talked)
    for recording in call.recordings:
        about = _about(call, delivery, call.ended_at or call.began_at)
        yield f"recorded {recording}", facts.CallRecorded(**about, recording=recording)


def _is_told(call: Call) -> bool:
    """Whether it is time for the interaction, which comes once and tells who called.

    An answered call waits for its caller, whom a later event may name: until it is over or was recorded.
    """
    over = call.ended_at or call.voicemail_at
    return bool(over or (call.answered_at and (call.identities or call.recordings)))


def _about(call: Call, delivery: Delivery, at: datetime | None) -> dict[str, Any]:
    return {
        "call_id": call_id(delivery, call.external_id),
        "delivery_id": delivery.id,
        "channel": delivery.channel,
        "kind": delivery.kind,
        "external_id": call.external_id,
        "direction": "out" if call.direction == "out" else "in",
        "outside": _outside(call),
        "line": call.line or None,
        "agent": call.agent or None,
        "occurred_at": at or delivery.received_at,
        "received_at": delivery.received_at,
    }


def _outside(call: Call) -> Sender:
    return sender(call.identities, call.name, None)


def _interaction(call: Call, delivery: Delivery) -> InteractionReceived:
    """The one touch that an incoming call is."""
    who = next((one.value for one in call.identities), call.external_id)
    told = {"call_outcome": call.outcome, "call_line": call.line, "call_agent": call.agent}
    touch = Touch(
        medium="call",
        conversation=f"call:{delivery.channel}:{who}",
        external_id=call.external_id,
        occurred_at=call.began_at,
        identities=call.identities,
        name=call.name,
        fields={**call.fields, **told},
    )
    return interaction(delivery, touch, call_id(delivery, call.external_id))
