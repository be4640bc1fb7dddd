"""What a business has configured, in the form in which it is applied."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from services.leads.domain.assignment import AssignmentRule, Seat, assign
from services.leads.domain.contact import Contact, FieldValue, Sighting, shortened
from services.leads.domain.identity import Recognition, clean
from services.leads.domain.scoring import ScoringRule, View, points_for

FieldType = Literal["text", "number", "flag", "list"]
LONGEST_TEXT_IN_CONDITIONS = 10_000
LONGEST_CONTACT_FIELD = 1_000
_ZONE_FIELDS = ("zone", "timezone")
_TRUE = frozenset({"1", "true", "yes", "on", "да"})
_EMPTY: dict[FieldType, Any] = {"text": "", "flag": False, "list": []}


@dataclass(frozen=True, slots=True)
class FieldRule:
    """A known field: how conditions see it, and whether the contact keeps its latest value."""

    type: FieldType = "text"
    on_contact: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One interaction as the rules look at it; `given` are the identities the channel gave."""

    at: datetime
    channel: str
    kind: str
    medium: str
    given: tuple[tuple[str, str], ...] = ()
    name: str | None = None
    language: str | None = None
    title: str | None = None
    text: str = ""
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    consents: frozenset[str] = frozenset()
    attachments: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """Recognition, known fields, scoring and assignment; without any, everything still works."""

    recognition: Recognition = field(default_factory=Recognition)
    fields: Mapping[str, FieldRule] = field(default_factory=dict)
    scoring: tuple[ScoringRule, ...] = ()
    assignment: tuple[AssignmentRule, ...] = ()
    team: tuple[str, ...] = ()

    def sighting(self, asked: Asked) -> Sighting:
        """What the interaction tells about the person."""
        kept = {name for name, rule in self.fields.items() if rule.on_contact}
        return Sighting(
            at=asked.at,
            reading=self.recognition.read(asked.given),
            name=_line(asked.name),
            language=_line(asked.language),
            zone=_zone(asked.fields),
            consents=asked.consents,
            fields={
                name: shortened(value, LONGEST_CONTACT_FIELD)
                for name, value in asked.fields.items()
                if name in kept
            },
        )

    def view(self, asked: Asked, contact: Contact, *, known: bool) -> View:
        """What conditions look at. `known` says whether the contact was there before it."""
        about = {
            "channel": asked.channel,
            "kind": asked.kind,
            "medium": asked.medium,
            "title": asked.title or "",
            "text": asked.text[:LONGEST_TEXT_IN_CONDITIONS],
            "attachments": asked.attachments,
        }
        person = {
            "name": contact.name or "",
            "language": contact.language or "",
            "identities": sorted({key.kind for key in contact.identities}),
            "known": known,
        }
        fields = typed(self.fields, {**contact.fields, **asked.fields})
        return View({"interaction": about, "contact": person, "fields": fields})

    def points(self, view: View) -> dict[str, int]:
        """What the interaction earns."""
        return points_for(self.scoring, view)

    def owner(self, view: View, score: int, seats: Mapping[str, Seat]) -> str | None:
        """Who shall work a lead of this score; notes it on the seat."""
        view.values["lead"] = {"score": score}
        return assign(self.assignment, seats, view)


def typed(rules: Mapping[str, FieldRule], given: Mapping[str, FieldValue]) -> dict[str, Any]:
    """The known fields with their types. A number that is missing or none is left out."""
    values = ((name, _typed(rule.type, given.get(name))) for name, rule in rules.items())
    return {name: value for name, value in values if value is not None}


def _typed(kind: FieldType, value: FieldValue | None) -> Any:
    if value is None:
        return _EMPTY.get(kind)
    if kind == "list":
        return [value] if isinstance(value, str) else list(value)
    text = value if isinstance(value, str) else ", ".join(value)
    if kind == "flag":
        return text.strip().lower() in _TRUE
    return text if kind == "text" else _number(text)


def _number(text: str) -> float | None:
    compact = "".join(text.split()).replace(",", ".")
    try:
        number = float(compact)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _line(text: str | None) -> str | None:
    """A name or a tag on one line, or None when it is blank."""
    return " ".join(clean(text or "").split())[:200] or None


def _zone(fields: Mapping[str, FieldValue]) -> str | None:
    """The time zone that a form's script sent along, when there is such a zone."""
    given: Iterable[FieldValue | None] = (fields.get(name) for name in _ZONE_FIELDS)
    return next((zone for zone in given if isinstance(zone, str) and _is_zone(zone)), None)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return False
    return True
