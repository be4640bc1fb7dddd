"""Events of Beeline's cloud exchange: BroadSoft Xsi-Events in XML, by a BASIC_CALL subscription."""

from typing import Any
from xml.parsers import expat

from contracts.interactions import Identity
from services.connectors.domain import CallDirection, CallPart, Delivery, Parsed, Settings, accepted, ignored
from services.connectors.errors import Unreadable
from services.connectors.reading.moments import LONGEST, iso, milliseconds
from services.connectors.reading.phones import phone_identity

_DIRECTIONS: dict[str, CallDirection] = {"Terminator": "in", "Originator": "out", "Click-to-Dial": "out"}
_RINGING = ("CallReceivedEvent", "CallOriginatedEvent", "CallOriginatingEvent")
_DEEPEST, _MOST = 30, 2_000


class _Event:
    """The elements by the end of their path, without prefixes. Declarations of types are refused."""

    def __init__(self, body: bytes) -> None:
        self.type = ""
        self._told: list[tuple[tuple[str, ...], str]] = []
        self._path: list[str] = []
        self._text = ""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.StartDoctypeDeclHandler = self._declared
        try:
            parser.Parse(body, True)
        except (expat.ExpatError, ValueError, LookupError):
            raise Unreadable("the body is not XML") from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name.rpartition(":")[2])
        self._text = ""
        if len(self._path) > _DEEPEST or len(self._told) > _MOST:
            raise Unreadable("the XML is too deep or too long")
        if self._path[-1] == "eventData":
            types = (text for key, text in attributes.items() if key.rpartition(":")[2] == "type")
            self.type = next(types, "").rpartition(":")[2]

    def _end(self, name: str) -> None:
        self._told.append((tuple(self._path), self._text.strip()))
        self._path.pop()
        self._text = ""

    def _data(self, text: str) -> None:
        self._text += text

    def _declared(self, *_: Any) -> None:
        raise Unreadable("the XML declares types of its own")

    def all(self, *path: str) -> list[str]:
        """The texts of the elements whose path ends so."""
        return [text for found, text in self._told if found[-len(path) :] == path and text]

    def first(self, *path: str) -> str:
        """The first of them; empty if there is none."""
        return next(iter(self.all(*path)), "")


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Every event is of one person's leg; legs of one call share extTrackingId. Raises Unreadable."""
    event = _Event(delivery.body)
    if not event.type:
        raise Unreadable("the XML is no event: eventData with its type is missing")
    if event.type not in (*_RINGING, "CallAnsweredEvent", "CallReleasedEvent"):
        return ignored(event.type[:60], "it says nothing of what becomes of a call")
    if event.first("remoteParty", "callType") == "Group":
        return ignored("internal", "the other party is in the house")
    call = _call(event, settings)
    if event.type in _RINGING:
        began = _moment(event.first("startTime"))
        return accepted(event.type, _part(call, event, state="ringing", occurred_at=began))
    if event.type == "CallAnsweredEvent":
        answered = _moment(event.first("answerTime"))
        return accepted(event.type, _part(call, event, state="answered", occurred_at=answered))
    return _released(call, event, settings)


def _released(call: str, event: _Event, settings: Settings) -> Parsed:
    """The end of a leg. Which of several unanswered legs is the last, no event says."""
    answered, over = _moment(event.first("answerTime")), _moment(event.first("releaseTime"))
    by_caller = event.first("releasingParty") == "remoteRelease"
    if answered is None and settings.flag("group_ring") and not by_caller:
        return ignored("leg_over", "nobody answered this leg; the caller still waits")
    talked = 0
    if answered is not None:
        talked = max(1, int((over - answered).total_seconds())) if over else 1
    part = _part(
        call,
        event,
        state="ended" if talked else "missed",
        occurred_at=over,
        cause=event.first("internalReleaseCause") or event.first("releasingParty"),
        talk_seconds=min(talked, LONGEST) or None,
    )
    return accepted(event.type, part)


def _part(call: str, event: _Event, **more: Any) -> CallPart:
    name = event.first("remoteParty", "name")
    return CallPart(
        call=call,
        direction=_DIRECTIONS.get(event.first("personality"), ""),
        identities=_phone(event.first("remoteParty", "address") or event.first("remoteAddress")),
        name=name if name and not name.lstrip("+").isdecimal() else None,
        line=next(reversed(_redirected(event)), "").removeprefix("tel:"),
        agent=event.first("targetId"),
        **more,
    )


def _redirected(event: _Event) -> list[str]:
    """The numbers a call went through before this person; the last of them is the one that was dialled."""
    return event.all("redirection", "party", "address") or event.all("redirection", "address")


def _call(event: _Event, settings: Settings) -> str:
    """The id, with the day where it is a short counter that begins anew."""
    known = event.first(settings.text("call_id") or "extTrackingId") or event.first("callId")
    if not known:
        raise Unreadable("the event has no extTrackingId and no callId")
    began = _moment(event.first("startTime"))
    return known if len(known) >= 16 or began is None else f"{known}@{began:%Y-%m-%d}"


def _moment(text: str) -> Any:
    return milliseconds(text) if text.isdecimal() else iso(text)


def _phone(address: str) -> list[Identity]:
    """`tel:` or `sip:`; ten digits are a number of Russia without its code."""
    number = address.removeprefix("tel:").removeprefix("sip:").partition("@")[0]
    return phone_identity(f"+7{number}" if number.isdecimal() and len(number) == 10 else number)
