"""HTTP notifications of UIS and CoMagic. The account's owner writes their bodies; README.md says how."""

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
from services.connectors.reading.documents import flatten, read_object
from services.connectors.reading.moments import length, local
from services.connectors.reading.phones import is_extension, russian_phone

_STATES: tuple[CallState, ...] = ("ringing", "answered", "missed", "ended", "recorded", "voicemail")
_TELLING = ("event", "notification_mnemonic", "notification_name")
_KEPT = (
    "communication_id", "contact_id", "scenario_name", "site_domain_name", "tag_names", "visitor_id",
    "ua_client_id", "ym_client_id", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content",
)  # fmt: skip


class _Told:
    """The body, flat: an empty value and `null` are as good as none."""

    def __init__(self, body: bytes) -> None:
        self._fields = flatten(read_object(body, exact=True))

    def first(self, *names: str) -> str:
        """The first of these fields that holds something."""
        values = (value.strip() for name in names for value in self._fields.get(name, ()))
        return next((value for value in values if value and value.lower() != "null"), "")

    def every(self, name: str) -> str:
        """All that a field holds, such as the tags of a call."""
        return ", ".join(filter(None, map(str.strip, self._fields.get(name, ()))))


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Every notification names its call by call_session_id. Raises Unreadable."""
    told = _Told(delivery.body)
    word = told.first(*_TELLING)
    if not word:
        raise Unreadable("the body has no event, notification_mnemonic or notification_name")
    said = {told.first(name) for name in _TELLING} - {""}
    state = next((one for one in _STATES if said & {one, *settings.texts(one)}), None)
    if state is None:
        silent = said & {"talk_over"}
        return ignored(
            "talk_over" if silent else "other",
            "a conversation is over, the call may go on" if silent else "it is none of the configured events",
        )
    call = told.first("call_session_id")
    if not call:
        raise Unreadable("the body has no call_session_id")
    return accepted(state, _part(call, state, told, settings))


def _part(call: str, state: CallState, told: _Told, settings: Settings) -> CallPart:
    direction = _direction(told)
    talked = length(told.first("talk_time_duration")) if state == "ended" else 0
    at = told.first("notification_time", "start_time")
    recording = told.first("file_link")
    return CallPart(
        call=call,
        state=state,
        direction=direction,
        occurred_at=local(at, settings.text("time_zone")),
        identities=_outside(told, direction),
        name=told.first("contact_full_name") or None,
        line=told.first("virtual_phone_number"),
        agent=told.first("employee_full_name", "employee_phone_number", "employee_id"),
        cause=told.first("finish_reason"),
        talk_seconds=talked or None,
        recording=recording if state in ("recorded", "voicemail", "ended") else "",
        fields={name: told.every(name) for name in _KEPT if told.first(name)},
    )


def _direction(told: _Told) -> CallDirection:
    if told.first("is_internal").lower() in ("true", "1"):
        return "internal"
    word = told.first("direction").lower()
    return "in" if word == "in" else "out" if word == "out" else ""


def _outside(told: _Told, direction: CallDirection) -> list[Identity]:
    """The contact's number; where it is not told, that of the caller, of an outgoing call the callee."""
    if direction == "internal":
        return []
    side = "called_phone_number" if direction == "out" else "calling_phone_number"
    number = told.first("contact_phone_number", "numa" if direction != "out" else "numb", side)
    if is_extension(number):
        return []
    return russian_phone(number)
