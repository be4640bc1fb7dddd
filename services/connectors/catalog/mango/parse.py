"""Notifications of the Mango Office VPBX API, part Realtime (v1.10)."""

from typing import Any

from services.connectors.domain import CallDirection, CallPart, Delivery, Parsed, Settings, accepted, ignored
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import read_object
from services.connectors.reading.forms import urlencoded
from services.connectors.reading.inside import size_at, text_at
from services.connectors.reading.moments import seconds
from services.connectors.reading.phones import russian_phone

_DIRECTIONS: dict[str, CallDirection] = {"0": "internal", "1": "in", "2": "out"}
_STORED = ("Cloud", "CloudAndMail")


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Legs say that it rings or is answered, the summary what became of the whole call.

    What a notification is shows in its fields: the vendor prints summaries under the path of calls.
    Raises Unreadable.
    """
    given = urlencoded(delivery.body).get("json")
    if not given:
        raise Unreadable("the form has no field json")
    told = read_object(given[0].encode("utf-8", "surrogatepass"), exact=True)
    if "call_direction" in told:
        return _summary(told)
    if "recording_id" in told:
        return _recording(told)
    if "call_state" in told:
        return _leg(told)
    for event, mark in (("dtmf", "dtmf"), ("sms", "message_id"), ("result", "result")):
        if mark in told or delivery.path.startswith((f"events/{event}", f"{event}/")):
            return ignored(event, "it says nothing of what becomes of a call")
    raise Unreadable("json is no notification of a call, a summary or a recording")


def _entry(told: dict[str, Any]) -> str:
    entry = text_at(told, "entry_id")
    if not entry.strip():
        raise Unreadable("json has no entry_id")
    return entry


def _leg(told: dict[str, Any]) -> Parsed:
    """A leg of an incoming call. Whatever one leg cannot know is left to the summary."""
    entry, state = _entry(told), text_at(told, "call_state")
    by = text_at(told, "callback_initiator")
    if by and by != "CallbackWidget":
        return ignored("callback", "the exchange calls on our behalf; the summary tells how it went")
    if text_at(told, "from", "extension"):
        return ignored("from_extension", "a leg from inside the house; the summary tells of the whole call")
    if state == "Disconnected":
        return ignored("leg_over", "one leg is over; the summary tells of the whole call")
    if state not in ("Appeared", "Connected"):
        return ignored("hold", "the call goes on")
    person = text_at(told, "location") == "abonent"
    if state == "Connected" and not person:
        return ignored("menu", "a voice menu or a queue took the call, nobody yet")
    part = CallPart(
        call=entry,
        state="answered" if state == "Connected" else "ringing",
        direction="in",
        occurred_at=seconds(text_at(told, "timestamp")),
        identities=russian_phone(text_at(told, "from", "number")),
        line=text_at(told, "to", "line_number"),
        agent=text_at(told, "to", "extension") if person else "",
        fields=_tracking(told),
    )
    return accepted("call", part)


def _summary(told: dict[str, Any]) -> Parsed:
    """The last word on a call. Decided by talk_time: the vendor's own missed call has entry_result 1."""
    entry = _entry(told)
    direction = _DIRECTIONS.get(text_at(told, "call_direction"), "")
    inside, outside = ("to", "from") if direction == "in" else ("from", "to")
    began, over = size_at(told, "talk_time"), size_at(told, "end_time")
    part = CallPart(
        call=entry,
        state="ended" if began else "missed",
        direction=direction,
        occurred_at=seconds(over),
        identities=russian_phone(text_at(told, outside, "number")) if direction != "internal" else [],
        line=text_at(told, "line_number"),
        agent=text_at(told, inside, "extension"),
        cause=text_at(told, "disconnect_reason"),
        talk_seconds=max(1, over - began) if began else None,
        fields=_tracking(told),
    )
    return accepted("summary", part)


def _recording(told: dict[str, Any]) -> Parsed:
    entry, recording = _entry(told), text_at(told, "recording_id")
    stored = text_at(told, "completion_code") in ("", "1000") and text_at(told, "recipient") in _STORED
    if text_at(told, "recording_state") != "Completed" or not stored or not recording.strip():
        return ignored("recording_state", "there is no recording to be fetched")
    part = CallPart(
        call=entry,
        state="recorded",
        occurred_at=seconds(text_at(told, "timestamp")),
        agent=text_at(told, "extension"),
        recording=recording,
    )
    return accepted("recording", part)


def _tracking(told: dict[str, Any]) -> dict[str, str]:
    """The number of call tracking that was shown to the visitor."""
    shown = text_at(told, "dct", "type") in ("1", "2")
    fields = {
        "tracking_number": text_at(told, "dct", "number") if shown else "",
        "callback": text_at(told, "callback_initiator"),
    }
    return {name: value for name, value in fields.items() if value}
