"""What Asterisk's names of channels and contexts say of a call: who is in the house, which way it goes."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from contracts.interactions import Identity
from services.connectors.domain import CallDirection, Settings
from services.connectors.reading.phones import is_extension, phone_identity

_NOTHING = frozenset({"", "<unknown>", "unknown", "s", "anonymous"})


@dataclass(frozen=True, slots=True)
class Leg:
    """One channel of Asterisk. `exten` is what it dialled, or our number that was dialled from outside."""

    name: str
    number: str = ""
    caller: str = ""
    context: str = ""
    exten: str = ""

    @property
    def endpoint(self) -> str:
        """The peer or trunk: `PJSIP/201-0000001f` and `Local/201@queue-1;2` are 201."""
        rest = self.name.partition("/")[2].partition(";")[0]
        return rest.rpartition("-")[0].partition("@")[0] if "-" in rest else rest.partition("@")[0]

    @property
    def is_local(self) -> bool:
        """Whether it is no phone and no trunk but a piece of dialplan."""
        return self.name[:6].lower() == "local/"


@dataclass(frozen=True, slots=True)
class House:
    """How to tell our own phones from the world: the settings trunks, incoming, extension_digits and more."""

    settings: Settings

    def is_trunk(self, leg: Leg) -> bool:
        """Whether a channel leads out, or a call on it came from outside."""
        trunks, contexts = self.settings.texts("trunks"), self.settings.texts("incoming")
        if any(fnmatchcase(leg.endpoint, trunk) for trunk in trunks):
            return True
        if self.is_inside(leg.endpoint):
            return False
        if any(fnmatchcase(leg.context, context) for context in contexts):
            return True
        return not trunks and self._is_number(leg.number)

    def is_phone(self, leg: Leg) -> bool:
        """Whether it is a phone of the house, as far as that shows."""
        return not self.is_trunk(leg) and (self.is_inside(leg.endpoint) or self.is_inside(leg.number))

    def is_inside(self, number: str) -> bool:
        """Whether it is an extension or a code such as *97."""
        return is_extension(number.lstrip("*#"), self.settings.number("extension_digits"))

    def direction(self, first: Leg, second: Leg | None = None) -> CallDirection:
        """Which way a call goes that `first` began; empty while that shows nowhere."""
        if self.is_trunk(first):
            return "in"
        if second is not None and not second.is_local:
            if self.is_trunk(second):
                return "out"
            if self.is_inside(second.endpoint):
                return "internal"
        dialled = first.exten
        if self.is_inside(dialled):
            return "internal"
        return "out" if self._is_number(dialled) else ""

    def outside(self, direction: CallDirection, first: Leg) -> list[Identity]:
        """The outside party's number: who called, or who was dialled."""
        if direction == "in":
            return self.phone(first.number)
        return self.phone(self._undialled(first.exten)) if direction == "out" else []

    def person(self, direction: CallDirection, first: Leg, second: Leg | None = None) -> str:
        """Our own phone in it: the one that is rung, or the one that dialled."""
        if direction == "out":
            return first.endpoint
        return second.endpoint if second is not None and not self.is_trunk(second) else ""

    def phone(self, number: str) -> list[Identity]:
        """A number of the world; nothing for one of the house or a hidden one."""
        if self.is_inside(number) or not self._is_number(number):
            return []
        code = self.settings.text("country_code").strip("+ ")
        return phone_identity(number, plus=bool(code) and number.startswith(code))

    def _undialled(self, number: str) -> str:
        return number.removeprefix(self.settings.text("dial_prefix"))

    def _is_number(self, number: str) -> bool:
        digits = number.lstrip("+")
        return number not in _NOTHING and digits.isdecimal() and digits.isascii() and len(digits) > 6


def named(name: str, number: str) -> str | None:
    """What the network gives as the caller's name; often only the number again."""
    plain = name.strip().strip('"')
    if plain.lower() in _NOTHING or plain == number or plain.lstrip("+").isdecimal():
        return None
    return plain
