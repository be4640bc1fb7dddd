"""Requests of Twilio Voice. Source: twilio.com/docs/usage/webhooks/voice-webhooks, TwiML Dial and Record."""

from datetime import datetime
from email.utils import parsedate_to_datetime

from contracts.interactions import Identity
from services.connectors.domain import (
    CallDirection,
    CallPart,
    CallState,
    Delivery,
    Parsed,
    Settings,
    accepted,
    ignored,
)
from services.connectors.errors import Unreadable
from services.connectors.reading.forms import Submission, read_submission
from services.connectors.reading.moments import length
from services.connectors.reading.phones import phone_identity

_OVER = ("completed", "busy", "no-answer", "failed", "canceled")


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """The parent call is the call; what was dialled for it are its legs. Raises Unreadable."""
    form = read_submission(delivery)
    if form is None or form.empty:
        raise Unreadable("the body is no form of Twilio Voice")
    call = form.first("ParentCallSid") or form.first("CallSid")
    if not call:
        return ignored("no_call", "it is of no call: CallSid is missing")
    if form.first("RecordingSid") or form.first("RecordingUrl"):
        return _recording(call, form)
    if form.first("DialCallStatus"):
        return _dialled(call, form)
    if form.first("ParentCallSid"):
        return _leg(call, form, settings)
    return _whole(call, form, settings)


def _whole(call: str, form: Submission, settings: Settings) -> Parsed:
    status = form.first("CallStatus")
    if status in ("queued", "initiated"):
        return ignored("started", "it does not ring yet")
    if status == "in-progress" and settings.text("answered") != "call":
        return ignored(
            "connected", "it is connected to TwiML; whether a person answers, the dialled leg tells"
        )
    if status in ("ringing", "in-progress"):
        return accepted(status, _part(call, form, "ringing" if status == "ringing" else "answered"))
    if status not in _OVER:
        raise Unreadable("CallStatus is missing or none that is known")
    counts = status == "completed" and settings.text("answered") == "call"
    talked = (length(form.first("CallDuration")) or None) if counts else None
    return accepted(status, _part(call, form, "ended", cause=status, talk_seconds=talked))


def _leg(call: str, form: Submission, settings: Settings) -> Parsed:
    """One of those who were dialled; by a client or SIP telephone of ours somebody calls out.

    A leg that ends says nothing of the call.
    """
    status, caller, to = form.first("CallStatus"), form.first("From"), form.first("To")
    if status not in ("ringing", "in-progress"):
        return ignored("leg_over", "one leg begins or is over; the call itself tells its end")
    outgoing = _ours(caller)
    part = CallPart(
        call=call,
        state="ringing" if status == "ringing" else "answered",
        direction="out" if outgoing else "",
        occurred_at=_moment(form.first("Timestamp")),
        identities=phone_identity(to) if outgoing else _stranger(caller, settings),
        agent=caller if outgoing else to,
    )
    return accepted("leg", part)


def _stranger(caller: str, settings: Settings) -> list[Identity]:
    """Who called, as a leg shows it: that may be a number of ours, so only when those are known."""
    ours = {"".join(filter(str.isdecimal, number)) for number in settings.texts("own_numbers")}
    return phone_identity(caller) if ours and caller.lstrip("+") not in ours else []


def _dialled(call: str, form: Submission) -> Parsed:
    """The action of Dial: how it went with whoever was dialled. The call goes on after that."""
    if form.first("DialCallStatus") not in ("completed", "answered"):
        return ignored("leg_over", "nobody who was dialled answered; the call itself tells its end")
    talked = length(form.first("DialCallDuration")) or None
    return accepted("dial", _part(call, form, "answered", talk_seconds=talked))


def _recording(call: str, form: Submission) -> Parsed:
    """A recording. That of the verb Record is a message somebody left."""
    url = form.first("RecordingUrl") or form.first("RecordingSid")
    if form.first("RecordingStatus") not in ("", "completed"):
        return ignored("recording_state", "there is no recording to be fetched")
    # The action of Record names no status.
    bare = not form.first("RecordingStatus") and not form.first("DialCallStatus")
    if form.first("RecordingSource") == "RecordVerb" or bare:
        return accepted("voicemail", _part(call, form, "voicemail", recording=url))
    return accepted("recording", _part(call, form, "recorded", recording=url))


def _part(
    call: str,
    form: Submission,
    state: CallState,
    cause: str = "",
    talk_seconds: int | None = None,
    recording: str = "",
) -> CallPart:
    caller, called = form.first("From"), form.first("To")
    way = form.first("Direction")
    direction: CallDirection = "out" if way.startswith("outbound") or _ours(caller) else "in" if way else ""
    if _ours(caller) and _ours(called):
        direction = "internal"
    outside, line = (called, caller) if direction == "out" else (caller, called)
    return CallPart(
        call=call,
        state=state,
        direction=direction,
        occurred_at=_moment(form.first("Timestamp")),
        identities=phone_identity(outside),
        name=(form.first("CallerName") or None) if direction != "out" else None,
        line="" if _ours(line) else line,
        agent=line if _ours(line) else "",
        cause=cause,
        talk_seconds=talk_seconds,
        recording=recording,
    )


def _ours(address: str) -> bool:
    """Whether it is a client or a SIP telephone of the account, not a number."""
    return address.startswith(("client:", "sip:"))


def _moment(text: str) -> datetime | None:
    """RFC 2822, as in Timestamp."""
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else None
