"""Events of the Asterisk Manager Interface. Source: docs.asterisk.org, "AMI Events".

A call is its `Linkedid`. The channel whose `Uniqueid` is the same began it and alone says which way it goes.
"""

from collections.abc import Mapping
from dataclasses import replace

from services.connectors.domain import CallDirection, CallPart, Delivery, Parsed, Settings, accepted, ignored
from services.connectors.domain.parsed import CallState
from services.connectors.errors import Unreadable
from services.connectors.reading.asterisk import House, Leg, named
from services.connectors.reading.charsets import decode
from services.connectors.reading.moments import local, seconds

_ABSENT = "<unknown>"
_UNCLEAR = "it does not show yet which way the call goes"


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One block of lines. Raises Unreadable."""
    lines = decode(delivery.body).splitlines()
    if lines and lines[0].startswith("Asterisk Call Manager"):
        return ignored("banner", "Asterisk greets")
    told = _fields(lines)
    event = told.get("event", "")
    if not event and "response" in told:
        return ignored("response", "an answer to what we asked")
    if not event:
        raise Unreadable("the block is no event: it has no line Event")
    reader = _READERS.get(event)
    if reader is None:
        return ignored(event[:60], "it says nothing of what becomes of a call")
    return reader(event, told, House(settings))


def _fields(lines: list[str]) -> dict[str, str]:
    """Names in lower case; of a name that comes twice the first."""
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        text = value.strip()
        if colon:
            found.setdefault(name.strip().lower(), "" if text == _ABSENT else text)
    return found


def _leg(told: Mapping[str, str], prefix: str = "") -> Leg:
    names = ("channel", "calleridnum", "calleridname", "context", "exten")
    return Leg(*(told.get(prefix + name, "") for name in names))


def _part(told: Mapping[str, str], house: House, state: CallState, cause: str = "") -> CallPart:
    """What an event says of its call. Only the leg that began it tells where it goes."""
    call = told.get("linkedid") or told.get("uniqueid", "")
    if not call:
        raise Unreadable("the event has no Linkedid")
    first, second = _leg(told), _leg(told, "dest") if told.get("destchannel") else None
    # Another leg shows the caller's number, too: that is enough to know a call from outside.
    overheard: CallDirection = "in" if house.phone(first.number) else ""
    direction = house.direction(first, second) if _began(told) else overheard
    # Later the same field holds a group, a queue or a mailbox.
    dialled = direction == "in" and told["event"] == "Newchannel" and first.exten != "s"
    return CallPart(
        call=call,
        state=state,
        direction=direction,
        occurred_at=seconds(told.get("timestamp")),
        identities=house.outside(direction, first),
        name=named(first.caller, first.number) if direction == "in" else None,
        line=first.exten if dialled else "",
        agent=house.person(direction, first, second),
        cause=cause,
        fields={name: told[name] for name in ("queue", "mailbox") if told.get(name)},
    )


def _began(told: Mapping[str, str]) -> bool:
    return told.get("linkedid", "") == told.get("uniqueid", "")


def _appears(event: str, told: Mapping[str, str], house: House) -> Parsed:
    if not _began(told):
        return ignored("leg", "one leg of the call")
    part = _part(told, house, "answered" if told.get("bridgeid") else "ringing")
    return accepted(event, part) if part.direction else ignored("unclear", _UNCLEAR)


def _rings(event: str, told: Mapping[str, str], house: House) -> Parsed:
    if not told.get("channel"):  # Asterisk itself calls one of us first: nobody rings from outside
        return ignored("unclear", _UNCLEAR)
    return accepted(event, _part(told, house, "ringing"))


def _answers(event: str, told: Mapping[str, str], house: House) -> Parsed:
    if told.get("dialstatus", "ANSWER") != "ANSWER":
        return ignored("unanswered", "one leg did not answer; the end of the call tells what became of it")
    if not told.get("channel"):
        return ignored("unclear", _UNCLEAR)
    return accepted(event, _part(told, house, "answered"))


def _over(event: str, told: Mapping[str, str], house: House) -> Parsed:
    """The dialplan has moved on by then: only the channel itself tells where the call came from."""
    if not _began(told):
        return ignored("leg", "one leg is over")
    cause = told.get("cause-txt") or told.get("cause", "")
    part = _part({**told, "context": "", "exten": ""}, house, "ended", cause)
    # Internal calls have said so before: what a phone of ours began did not come in.
    return accepted(event, replace(part, direction="out") if house.is_phone(_leg(told)) else part)


def _transferred(event: str, told: Mapping[str, str], house: House) -> Parsed:
    """The call in which somebody asked first goes on as part of the other."""
    asked, kept = told.get("secondtransfererlinkedid", ""), told.get("origtransfererlinkedid", "")
    if told.get("result") != "Success" or not asked or asked == kept:
        return ignored("transfer", "the call goes on under its own id")
    direction: CallDirection = "internal" if house.is_phone(_leg(told, "transfertarget")) else "out"
    at = seconds(told.get("timestamp"))
    return accepted(event, CallPart(call=asked, state="ended", direction=direction, occurred_at=at))


def _message(event: str, told: Mapping[str, str], house: House) -> Parsed:
    """With a channel somebody has just left a message; without one a mailbox was counted."""
    if not told.get("linkedid") or told.get("waiting") != "1":
        return ignored("mailbox", "a mailbox was counted or heard")
    return accepted(event, _part(told, house, "voicemail"))


def _recorded(event: str, told: Mapping[str, str], house: House) -> Parsed:
    """A record of a leg: of use where cdr_manager.conf adds `Linkedid` and `RecordingFile`."""
    call, recording = told.get("linkedid", ""), told.get("recordingfile", "")
    if not (call and recording and told.get("disposition") == "ANSWERED"):
        return ignored("record", "no recording stands in it")
    at = local(told.get("endtime"), house.settings.text("time_zone"))
    return accepted(event, CallPart(call=call, state="recorded", occurred_at=at, recording=recording))


_READERS = {
    "Newchannel": _appears,
    "CoreShowChannel": _appears,
    "DialBegin": _rings,
    "QueueCallerJoin": _rings,
    "DialEnd": _answers,
    "AgentConnect": _answers,
    "AttendedTransfer": _transferred,
    "MessageWaiting": _message,
    "Hangup": _over,
    "Cdr": _recorded,
}
