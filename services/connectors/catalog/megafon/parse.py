"""Requests of MegaFon's virtual exchange to a CRM: commands event, history, contact, rating."""

from datetime import datetime

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
from services.connectors.reading.moments import after, length, local
from services.connectors.reading.phones import is_extension, russian_phone

_STATES: dict[str, CallState] = {"INCOMING": "ringing", "OUTGOING": "ringing", "ACCEPTED": "answered"}


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Events tell that it rings or is answered, the history what became of the call. Raises Unreadable."""
    form = read_submission(delivery)
    command = form.first("cmd").lower() if form else ""
    if form is None or not command:
        raise Unreadable("the body is no request of the exchange: cmd is missing")
    if command == "rating":
        return ignored("rating", "the customer's mark for a call that is over")
    if command not in ("event", "history", "contact"):
        return ignored(command[:60], "it says nothing of what becomes of a call")
    if not form.first("callid"):
        raise Unreadable("the request has no callid")
    if command == "history":
        return _history(form)
    if command == "contact":
        return accepted("contact", _part(form, "ringing", "in"))
    return _event(form)


def _event(form: Submission) -> Parsed:
    """COMPLETED and CANCELLED are of one telephone in a group: the history is of the call."""
    kind, way = form.first("type").upper(), form.first("direction").lower()
    if kind not in _STATES:
        return ignored("leg_over", "one telephone is done; the history tells of the whole call")
    direction: CallDirection = "out" if kind == "OUTGOING" or way.startswith("out") else ""
    if kind == "INCOMING" or way == "in":
        direction = "in"
    return accepted("event", _part(form, _STATES[kind], direction))


def _history(form: Submission) -> Parsed:
    """The last word on a call. `start` is in UTC."""
    direction: CallDirection = "out" if form.first("type").lower() == "out" else "in"
    talked = form.first("status").lower() == "success"
    lasted = length(form.first("duration"))
    began = local(form.first("start"))
    part = _part(
        form,
        "ended" if talked else "missed",
        direction,
        occurred_at=after(began, lasted),
        cause=form.first("status"),
        talk_seconds=max(1, lasted) if talked else None,
        recording=form.first("link"),
    )
    return accepted("history", part)


def _part(
    form: Submission,
    state: CallState,
    direction: CallDirection,
    occurred_at: datetime | None = None,
    cause: str = "",
    talk_seconds: int | None = None,
    recording: str = "",
) -> CallPart:
    phone, group = form.first("phone"), form.first("groupRealName")
    return CallPart(
        call=form.first("callid"),
        state=state,
        direction="internal" if is_extension(phone) else direction,
        occurred_at=occurred_at,
        identities=_identities(phone),
        line=form.first("diversion"),
        agent=form.first("user") or form.first("ext"),
        cause=cause,
        talk_seconds=talk_seconds,
        recording=recording,
        fields={"call_group": group} if group else {},
    )


def _identities(phone: str) -> list[Identity]:
    return [] if is_extension(phone) else russian_phone(phone)
