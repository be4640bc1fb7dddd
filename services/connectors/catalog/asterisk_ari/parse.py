"""Events of the Asterisk REST Interface. Source: Asterisk, rest-api/api-docs/events.json.

A channel does not name its call: ari.conf must add `CHANNEL(linkedid)` to it. The channel of that id began
the call and alone says which way it goes.
"""

from dataclasses import replace
from typing import Any

from services.connectors.domain import (
    UNKNOWN,
    CallDirection,
    CallPart,
    Delivery,
    Parsed,
    Settings,
    accepted,
    ignored,
    rejected,
)
from services.connectors.domain.parsed import CallState
from services.connectors.errors import Unreadable
from services.connectors.reading.asterisk import House, Leg, named
from services.connectors.reading.documents import read_object
from services.connectors.reading.inside import text_at, value_at
from services.connectors.reading.moments import iso

_UNCLEAR = "it does not show yet which way the call goes"
_CHANNEL = "channel:"


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One message of the websocket. Raises Unreadable."""
    told = read_object(delivery.body, exact=True)
    event = text_at(told, "type")
    if not event:
        raise Unreadable("the message has no type")
    house = House(settings)
    if event == "RecordingFinished":
        return _recorded(event, told)
    if event == "BridgeAttendedTransfer":
        return _transferred(event, told, house)
    place = {"Dial": "caller", "ChannelCreated": "channel", "StasisStart": "channel"}.get(event)
    place = "channel" if event == "ChannelDestroyed" else place
    if place is None:
        return ignored(event[:60], "it says nothing of what becomes of a call")
    channel = value_at(told, place)
    if channel is None:  # Asterisk itself calls one of us first: nobody rings from outside
        return ignored("unclear", _UNCLEAR)
    if not _call(channel):
        return rejected(UNKNOWN, "the channel names no call: set channelvars = CHANNEL(linkedid) in ari.conf")
    if event == "Dial":
        return _dialled(event, told, channel, house)
    if text_at(channel, "id") != _call(channel):
        return ignored("leg", "one leg of the call")
    if event == "ChannelDestroyed":
        return _over(event, told, channel, house)
    part = _part(told, channel, house, "ringing")
    dialled = part.direction == "in" and text_at(channel, "dialplan", "exten")
    return (
        accepted(event, replace(part, line=dialled or "")) if part.direction else ignored("unclear", _UNCLEAR)
    )


def _call(channel: Any) -> str:
    return text_at(channel, "channelvars", "CHANNEL(linkedid)").strip()


def _leg(channel: Any) -> Leg:
    return Leg(
        name=text_at(channel, "name"),
        number=text_at(channel, "caller", "number"),
        caller=text_at(channel, "caller", "name"),
        context=text_at(channel, "dialplan", "context"),
        exten=text_at(channel, "dialplan", "exten"),
    )


def _part(
    told: dict[str, Any], channel: Any, house: House, state: CallState, peer: Any = None, cause: str = ""
) -> CallPart:
    """What an event says of the call. A leg shows the caller's number, too, and no more."""
    first, second = _leg(channel), _leg(peer) if peer is not None else None
    began = text_at(channel, "id") == _call(channel)
    overheard: CallDirection = "in" if house.phone(first.number) else ""
    direction = house.direction(first, second) if began else overheard
    return CallPart(
        call=_call(channel),
        state=state,
        direction=direction,
        occurred_at=iso(text_at(told, "timestamp")),
        identities=house.outside(direction, first),
        name=named(first.caller, first.number) if direction == "in" else None,
        agent=house.person(direction, first, second),
        cause=cause,
    )


def _dialled(event: str, told: dict[str, Any], caller: Any, house: House) -> Parsed:
    """First without a status, then with what became of it."""
    status, peer = text_at(told, "dialstatus"), value_at(told, "peer")
    if status not in ("", "ANSWER"):
        return ignored("unanswered", "one leg did not answer; the end of the call tells what became of it")
    return accepted(event, _part(told, caller, house, "answered" if status else "ringing", peer))


def _over(event: str, told: dict[str, Any], channel: dict[str, Any], house: House) -> Parsed:
    """The dialplan has moved on by then: only the channel itself tells where the call came from."""
    bare = {**channel, "dialplan": {}}
    part = _part(told, bare, house, "ended", cause=text_at(told, "cause_txt"))
    # Internal calls have said so before: what a phone of ours began did not come in.
    return accepted(event, replace(part, direction="out") if house.is_phone(_leg(channel)) else part)


def _transferred(event: str, told: dict[str, Any], house: House) -> Parsed:
    """The call in which somebody asked first goes on as part of the other."""
    asked, kept = (_call(value_at(told, f"transferer_{leg}_leg")) for leg in ("second", "first"))
    if text_at(told, "result") != "Success" or not asked or asked == kept:
        return ignored("transfer", "the call goes on under its own id")
    direction: CallDirection = (
        "internal" if house.is_phone(_leg(value_at(told, "transfer_target"))) else "out"
    )
    at = iso(text_at(told, "timestamp"))
    return accepted(event, CallPart(call=asked, state="ended", direction=direction, occurred_at=at))


def _recorded(event: str, told: dict[str, Any]) -> Parsed:
    """Of one channel; which call it is shows where that channel began it."""
    target, name = text_at(told, "recording", "target_uri"), text_at(told, "recording", "name")
    if not target.startswith(_CHANNEL) or not name:
        return ignored("recording", "it is the recording of a bridge")
    name = ".".join(filter(None, (name, text_at(told, "recording", "format"))))
    at = iso(text_at(told, "timestamp"))
    part = CallPart(call=target.removeprefix(_CHANNEL), state="recorded", occurred_at=at, recording=name)
    return accepted(event, part)
