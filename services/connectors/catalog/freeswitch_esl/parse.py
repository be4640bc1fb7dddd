"""Events of FreeSWITCH's event socket. Source: mod_event_socket, switch_channel.c.

The leg that came in (`Call-Direction` inbound) is the call; legs that it began name it as their originator.
"""

from urllib.parse import unquote

from contracts.interactions import Identity
from services.connectors.domain import CallDirection, CallPart, Delivery, Parsed, Settings, accepted, ignored
from services.connectors.domain.parsed import CallState
from services.connectors.errors import Unreadable
from services.connectors.reading.charsets import decode
from services.connectors.reading.documents import read_object
from services.connectors.reading.moments import LONGEST, milliseconds
from services.connectors.reading.phones import is_extension, phone_identity


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One frame: what the socket says of it, then the event. Raises Unreadable."""
    head, _, body = delivery.body.replace(b"\r\n", b"\n").lstrip(b"\n").partition(b"\n\n")
    outer = _fields(head, encoded=False)
    kind = outer.get("content-type", "")
    if kind not in ("text/event-plain", "text/event-json"):
        if not kind:
            raise Unreadable("the frame has no Content-Type")
        return ignored("reply", "an answer to what we said")
    if kind == "text/event-json":
        read = read_object(body, exact=True)
        told = {name.lower(): value for name, value in read.items() if isinstance(value, str)}
    else:
        told = _fields(body.partition(b"\n\n")[0], encoded=True)
    if not told.get("event-name"):
        raise Unreadable("the event has no Event-Name")
    return _read(told["event-name"], _Event(told, settings))


def _fields(lines: bytes, *, encoded: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in decode(lines).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            text = value.strip()
            found.setdefault(name.strip().lower(), unquote(text) if encoded else text)
    return found


class _Event:
    """An event of one leg."""

    def __init__(self, told: dict[str, str], settings: Settings) -> None:
        self._told, self._settings = told, settings

    def told(self, name: str) -> str:
        return self._told.get(name, "").strip()

    def count(self, name: str) -> int:
        """A variable that holds seconds or a moment; 0 if there is none."""
        text = self.told(f"variable_{name}")
        return int(text) if text.isdecimal() and text.isascii() and len(text) < 12 else 0

    @property
    def began(self) -> bool:
        """Whether this leg is the call."""
        return self.told("call-direction") == "inbound"

    @property
    def call(self) -> str:
        """The leg that began the call; empty for one that nobody began, such as one by `originate`."""
        if self.began:
            return self.told("unique-id")
        own, whole = self.told("unique-id"), self.told("channel-call-uuid")
        other = self.told("other-leg-unique-id") or self.told("variable_originator")
        return other or (whole if whole != own else "")

    @property
    def direction(self) -> CallDirection:
        """A call from outside arrives in a context of its own, and nobody has signed in to make it."""
        if not self.began:
            return "in" if self._public("other-leg-context") else ""
        if self._public("caller-context") and not self.told("variable_sip_auth_username"):
            return "in"
        return "internal" if self.inside(self.told("caller-destination-number")) else "out"

    def _public(self, name: str) -> bool:
        return self.told(name) in self._settings.texts("public_contexts")

    def inside(self, number: str) -> bool:
        return is_extension(number.lstrip("*#"), self._settings.number("extension_digits"))

    def outside(self, direction: CallDirection) -> list[Identity]:
        caller = "caller-caller-id-number" if self.began else "other-leg-caller-id-number"
        number = self.told({"in": caller, "out": "caller-destination-number"}.get(direction, ""))
        code = self._settings.text("country_code").strip("+ ") or "none"
        return [] if self.inside(number) else phone_identity(number, plus=number.startswith(code))

    def name(self, number: str) -> str | None:
        name = self.told("caller-caller-id-name")
        nobody = name.lower() in ("", "unknown", "anonymous", number) or name.lstrip("+").isdecimal()
        return None if nobody else name

    def agent(self, direction: CallDirection) -> str:
        """Our person: who dialled, or whose phone this leg is."""
        if self.began and direction != "in":
            return self.told("variable_sip_auth_username") or self.told("caller-caller-id-number")
        rung = self.told("variable_dialed_user") or self.told("caller-destination-number")
        return rung if not self.began and self.inside(rung) else ""

    def talked(self) -> int:
        """Seconds with a person: from the bridge on, because a menu or voice mail answers, too."""
        answered, bridged, over = map(self.count, ("answer_epoch", "bridge_epoch", "end_epoch"))
        if not answered or not (bridged or self.told("variable_bridge_uuid")):
            return 0
        return min(max(1, over - max(answered, bridged) if over else self.count("billsec")), LONGEST)

    def part(self, state: CallState, cause: str = "", talked: int = 0, recording: str = "") -> CallPart:
        direction, number = self.direction, self.told("caller-caller-id-number")
        return CallPart(
            call=self.call,
            state=state,
            direction=direction,
            occurred_at=milliseconds(self.told("event-date-timestamp")[:-3]),
            identities=self.outside(direction),
            name=self.name(number) if self.began and direction == "in" else None,
            line=self.told("caller-destination-number") if self.began and direction == "in" else "",
            agent=self.agent(direction),
            cause=cause,
            talk_seconds=talked or None,
            recording=recording,
        )


def _read(name: str, event: _Event) -> Parsed:
    if name == "CUSTOM" and event.told("vm-action") == "leave-message" and event.call:
        return accepted("voicemail", event.part("voicemail", recording=event.told("vm-file-path")))
    if not name.startswith("CHANNEL_") and name != "RECORD_STOP":
        return ignored(name[:60], "it says nothing of what becomes of a call")
    if not event.call:
        return ignored("leg", "a leg that FreeSWITCH began by itself")
    if name == "CHANNEL_CREATE":
        return accepted(name, event.part("ringing"))
    if name == "CHANNEL_HANGUP_COMPLETE" and event.began:
        return accepted(name, event.part("ended", event.told("hangup-cause"), event.talked()))
    if name == "RECORD_STOP" and event.told("record-file-path"):
        return accepted(name, event.part("recorded", recording=event.told("record-file-path")))
    if name == "CHANNEL_ANSWER" and event.began:
        return ignored("menu", "a menu may have answered; whoever is reached tells")
    if name == "CHANNEL_ANSWER" or (name == "CHANNEL_BRIDGE" and event.told("answer-state") == "answered"):
        return accepted(name, event.part("answered"))
    return ignored("leg", "one leg; the one that began the call tells what became of it")
