"""What a parser may know of its channel: checked settings and field mapping, never secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ConsentField:
    """The form field that means yes, and the words beside its box."""

    field: str
    wording: str | None = None


@dataclass(frozen=True, slots=True)
class FieldMap:
    """Contract field to the form fields it is made of; form fields in dotted spelling.

    `hidden` are fields that people do not see: they say nothing.
    """

    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    consents: Mapping[str, ConsentField] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settings:
    """A channel's settings, checked against the manifest of its kind, defaults filled in."""

    values: Mapping[str, object] = field(default_factory=dict)
    fields: FieldMap = field(default_factory=FieldMap)
    title: str = ""

    def text(self, name: str) -> str:
        """A text or choice; empty when unset."""
        return str(self.values.get(name) or "")

    def flag(self, name: str) -> bool:
        """A yes or no."""
        return bool(self.values.get(name))

    def number(self, name: str) -> int:
        """A whole number; 0 when unset."""
        value = self.values.get(name)
        return value if isinstance(value, int) else 0

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty when unset."""
        value = self.values.get(name)
        return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
