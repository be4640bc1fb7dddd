"""Notifications of Zadarma's exchange. Source: zadarma/user-api-v1, lib/Webhook."""

from datetime import datetime

from contracts.interactions import Identity
from services.connectors.domain import CallDirection, CallPart, Delivery, Parsed, Settings, accepted, ignored
from services.connectors.errors import Unreadable
from services.connectors.reading.forms import Submission, read_submission
from services.connectors.reading.moments import after, length, local
from services.connectors.reading.phones import is_extension, phone_identity


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Every notification names its call; which way it goes shows in the event. Raises Unreadable."""
    form = read_submission(delivery)
    event = form.first("event") if form else ""
    if form is None or not event:
        raise Unreadable("the body is no notification: event is missing")
    if event == "NOTIFY_RECORD":
        return _recorded(form)
    if event in ("NOTIFY_OUT_START", "NOTIFY_OUT_END"):
        return _outgoing(event, form, settings)
    if event in ("NOTIFY_START", "NOTIFY_INTERNAL", "NOTIFY_IVR", "NOTIFY_ANSWER", "NOTIFY_END"):
        return _incoming(event, form, settings)
    return ignored(event[:60], "it says nothing of what becomes of a call")


def _incoming(event: str, form: Submission, settings: Settings) -> Parsed:
    call, caller = _call(form), form.first("caller_id")
    began = local(form.first("call_start"), settings.text("time_zone"))
    line = form.first("called_did")
    agent = form.first("internal")
    if event == "NOTIFY_ANSWER":
        return _answered(call, form, began)
    if event != "NOTIFY_END":
        part = CallPart(
            call=call,
            state="ringing",
            direction="in",
            occurred_at=began,
            identities=_phone(caller),
            line=line,
            agent=agent,
        )
        return accepted(event, part)
    return accepted(event, _over(call, form, began, "in", caller, line))


def _answered(call: str, form: Submission, began: datetime | None) -> Parsed:
    """Somebody answered, we or they: the id of the call says which way it went.

    `call_start` is when the call began; when it was answered is when this is told.
    """
    caller, destination = form.first("caller_id"), form.first("destination")
    if call.startswith("out_"):
        inside = is_extension(destination)
        part = CallPart(
            call=call,
            state="answered",
            began_at=began,
            direction="internal" if inside else "out",
            identities=[] if inside else _phone(destination),
            agent=form.first("internal"),
        )
    else:
        agent = form.first("internal") or (destination if is_extension(destination) else "")
        part = CallPart(call=call, state="answered", began_at=began, identities=_phone(caller), agent=agent)
    return accepted("NOTIFY_ANSWER", part)


def _outgoing(event: str, form: Submission, settings: Settings) -> Parsed:
    call, destination = _call(form), form.first("destination")
    began = local(form.first("call_start"), settings.text("time_zone"))
    direction: CallDirection = "internal" if is_extension(destination) else "out"
    line = form.first("caller_id")
    if event == "NOTIFY_OUT_END":
        return accepted(event, _over(call, form, began, direction, destination, line))
    part = CallPart(
        call=call,
        state="ringing",
        direction=direction,
        occurred_at=began,
        identities=_phone(destination) if direction == "out" else [],
        agent=form.first("internal"),
    )
    return accepted(event, part)


def _over(
    call: str, form: Submission, began: datetime | None, direction: CallDirection, outside: str, line: str
) -> CallPart:
    """The end of a call: `duration` counts only where the disposition is answered."""
    lasted, disposition = length(form.first("duration")), form.first("disposition")
    talked = disposition == "answered"
    recorded = form.first("is_recorded") == "1"
    return CallPart(
        call=call,
        state="ended" if talked else "missed",
        direction=direction,
        occurred_at=after(began, lasted),
        identities=_phone(outside) if direction != "internal" else [],
        line="" if is_extension(line) or line == "0" else line,
        agent=form.first("last_internal") or form.first("internal"),
        cause=disposition or form.first("status_code"),
        talk_seconds=max(1, lasted) if talked else None,
        recording=form.first("call_id_with_rec") if recorded else "",
    )


def _recorded(form: Submission) -> Parsed:
    call, recording = _call(form), form.first("call_id_with_rec")
    if not recording:
        raise Unreadable("NOTIFY_RECORD has no call_id_with_rec")
    direction: CallDirection = "out" if call.startswith("out_") else ""
    return accepted(
        "NOTIFY_RECORD", CallPart(call=call, state="recorded", direction=direction, recording=recording)
    )


def _call(form: Submission) -> str:
    call = form.first("pbx_call_id")
    if not call:
        raise Unreadable("the notification has no pbx_call_id")
    return call


def _phone(number: str) -> list[Identity]:
    """Numbers are international, most of them without a plus."""
    return phone_identity(number, plus=number.isdecimal() and number[0] not in "08")
