"""Call records of FreeSWITCH's mod_json_cdr: one document for each leg, after it is over."""

import base64
import binascii
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, unquote_plus

from contracts.interactions import Identity
from services.connectors.domain import CallDirection, CallPart, Delivery, Parsed, Settings, accepted, ignored
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import read_object
from services.connectors.reading.inside import text_at, value_at
from services.connectors.reading.moments import LONGEST, seconds
from services.connectors.reading.phones import is_extension, phone_identity


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """The record of the leg that began the call tells of the call. Raises Unreadable."""
    record = read_object(_document(delivery.body), exact=True)
    variables = value_at(record, "variables")
    if not isinstance(variables, dict):
        raise Unreadable("the record has no variables")
    leg = _Leg(variables, _profile(record))
    call = leg.told("call_uuid") or leg.told("uuid")
    if not call:
        raise Unreadable("the record has no uuid")
    if leg.told("direction") == "outbound" and (leg.told("originator") or leg.told("originating_leg_uuid")):
        return ignored("leg", "a leg that the call began; the record of the call tells how it went")
    if leg.told("uuid") not in ("", call) and _direction(leg, settings) != "in":
        return ignored("leg", "one leg of the call; the record of the call tells how it went")
    return _call(call, leg, settings)


class _Leg:
    """Variables and caller profile of one leg. Values are percent-encoded unless configured otherwise."""

    def __init__(self, variables: dict[str, Any], profile: dict[str, Any]) -> None:
        self._variables, self._profile = variables, profile

    def told(self, name: str) -> str:
        """A channel variable."""
        return unquote(text_at(self._variables, name)).strip()

    def caller(self, name: str) -> str:
        """A field of the caller profile."""
        return unquote(text_at(self._profile, name)).strip()

    def count(self, name: str) -> int:
        """A variable that holds seconds or a moment; 0 if there is none."""
        text = self.told(name)
        return int(text) if text.isdecimal() and text.isascii() and len(text) < 12 else 0


def _document(body: bytes) -> bytes:
    """As JSON, or in the form field `cdr`: percent-encoded or in base64 (parameter `encode`)."""
    body = body.strip()
    if not body.startswith(b"cdr="):
        return body
    text = body[4:].split(b"&")[0].decode("latin-1")
    if text.startswith("{") or text[:3].upper() == "%7B":
        return unquote_plus(text).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(unquote(text).replace(" ", "+").encode("latin-1"), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("the field cdr is neither JSON nor base64") from None


def _profile(record: dict[str, Any]) -> dict[str, Any]:
    """The caller as the call came in: transfers put newer profiles before that one."""
    flow = value_at(record, "callflow")
    flows = flow if isinstance(flow, list) else [flow]
    profiles = [found for one in flows if isinstance(found := value_at(one, "caller_profile"), dict)]
    return profiles[-1] if profiles else {}


def _call(call: str, leg: _Leg, settings: Settings) -> Parsed:
    direction = _direction(leg, settings)
    caller = leg.caller("caller_id_number") or leg.told("caller_id_number")
    called = leg.caller("destination_number") or leg.told("sip_to_user")
    talked = _talked(leg, settings)
    message = leg.told("voicemail_file_path") if leg.count("voicemail_message_len") else ""
    over, recording = leg.count("end_epoch"), leg.told(settings.text("recording"))
    part = CallPart(
        call=call,
        state="ended" if talked else "missed",
        direction=direction,
        occurred_at=seconds(over),
        identities=_outside(called if direction == "out" else caller, direction, settings),
        name=_name(leg, caller) if direction == "in" else None,
        line={"in": called, "out": "" if is_extension(caller) else caller}.get(direction, ""),
        agent=_agent(leg, caller, direction),
        cause=leg.told("hangup_cause"),
        talk_seconds=talked or None,
        recording="" if message else recording,
    )
    if direction == "in" and message and not talked:
        return accepted("voicemail", replace(part, state="voicemail", recording=message), part)
    names = {"in": "incoming", "out": "outgoing", "internal": "internal"}
    return accepted(names[direction], part)


def _direction(leg: _Leg, settings: Settings) -> CallDirection:
    """A call from outside arrives in a context of its own, and nobody has signed in to make it."""
    context = leg.caller("context") or leg.told("context")
    if context in settings.texts("public_contexts") and not leg.told("sip_auth_username"):
        return "in"
    called = leg.caller("destination_number") or leg.told("sip_to_user")
    return "internal" if is_extension(called) else "out"


def _talked(leg: _Leg, settings: Settings) -> int:
    """Seconds with a person: from the bridge on, because a menu or voice mail answers, too."""
    answered, bridged, over = leg.count("answer_epoch"), leg.count("bridge_epoch"), leg.count("end_epoch")
    if not answered:
        return 0
    if settings.text("answered") == "answered":
        return min(max(1, leg.count("billsec")), LONGEST)
    if not bridged and not leg.told("bridge_uuid"):
        return 0
    began = max(answered, bridged)
    return min(max(1, over - began if over else leg.count("billsec")), LONGEST)


def _agent(leg: _Leg, caller: str, direction: CallDirection) -> str:
    if direction == "in":
        return leg.told("dialed_user") or leg.told("last_sent_callee_id_number")
    return leg.told("user_name") or leg.told("sip_auth_username") or caller


def _name(leg: _Leg, caller: str) -> str | None:
    """What the caller's network gives as a name; often only the number again."""
    name = leg.caller("caller_id_name") or leg.told("caller_id_name")
    return name if name and name != caller and not name.lstrip("+").isdecimal() else None


def _outside(number: str, direction: CallDirection, settings: Settings) -> list[Identity]:
    if direction == "internal" or is_extension(number):
        return []
    code = settings.text("country_code").strip("+ ")
    return phone_identity(number, plus=bool(code) and number.startswith(code))
