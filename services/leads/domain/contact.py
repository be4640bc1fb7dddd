"""A contact: what is known of a person, what one more interaction adds, and who is whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.leads.domain.identity import Key, Reading

FieldValue = str | list[str]
# A contact is published whole with every change, so nobody may make it grow without end.
MOST_NOTES = 10
MOST_KINDS_OF_NOTES = 20
MOST_CONSENTS = 100
_NOTE = "invalid_"


@dataclass(frozen=True, slots=True)
class Held:
    """An identity of a contact; `added_at` and `ordinal` tell which of a kind came first."""

    key: Key
    added_at: datetime
    ordinal: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one interaction tells about the person behind it. `at` is when it was received."""

    at: datetime
    reading: Reading
    name: str | None = None
    language: str | None = None
    zone: str | None = None
    consents: frozenset[str] = frozenset()
    fields: Mapping[str, FieldValue] = field(default_factory=dict)


@dataclass(slots=True)
class Contact:
    """A person. `version` counts what others were told; `merged_into` is set once absorbed."""

    id: UUID
    first_seen_at: datetime
    version: int = 0
    name: str | None = None
    language: str | None = None
    zone: str | None = None
    consents: tuple[str, ...] = ()
    fields: dict[str, FieldValue] = field(default_factory=dict)
    identities: dict[Key, Held] = field(default_factory=dict)
    merged_into: UUID | None = None

    @property
    def age(self) -> tuple[datetime, UUID]:
        """Sorts contacts from the oldest to the youngest, the same way everywhere."""
        return self.first_seen_at, self.id

    def held(self) -> list[Held]:
        """The identities, in the order in which they were learnt."""
        return sorted(self.identities.values(), key=lambda held: (held.added_at, held.ordinal, held.key))


def describe(contact: Contact, sighting: Sighting) -> bool:
    """Add to the contact what a sighting tells, identities aside; True when that changed it.

    Blanks are filled and never overwritten; of a field the latest value counts.
    """
    before = portrait(contact)
    contact.name = contact.name or sighting.name
    contact.language = contact.language or sighting.language
    contact.zone = contact.zone or sighting.zone
    contact.consents = _union(contact.consents, sighting.consents)
    contact.fields = {**contact.fields, **sighting.fields}
    for kind, value in sighting.reading.notes:
        _keep_note(contact.fields, _NOTE + kind, value)
    return portrait(contact) != before


def absorb(survivor: Contact, absorbed: Contact) -> None:
    """Give the survivor what the other knew and held; the absorbed one keeps its description."""
    survivor.name = survivor.name or absorbed.name
    survivor.language = survivor.language or absorbed.language
    survivor.zone = survivor.zone or absorbed.zone
    survivor.consents = _union(survivor.consents, absorbed.consents)
    survivor.fields = {**absorbed.fields, **survivor.fields}
    survivor.identities |= absorbed.identities
    absorbed.identities = {}
    absorbed.merged_into = survivor.id


def portrait(contact: Contact) -> dict[str, object]:
    """The contact's description as JSON-ready data: all that a merge may change, identities aside."""
    return {
        "name": contact.name,
        "language": contact.language,
        "zone": contact.zone,
        "consents": list(contact.consents),
        "fields": dict(contact.fields),
    }


def proof(reading: Reading, absorbed: Contact) -> str:
    """The kinds of identity by which an interaction was found to be the absorbed contact's too."""
    kinds = sorted({key.kind for key in reading.strong if key in absorbed.identities})
    return ", ".join(kinds)


def _union(purposes: tuple[str, ...], more: Iterable[str]) -> tuple[str, ...]:
    new = sorted({*more} - {*purposes})
    return tuple(sorted((*purposes, *new[: max(0, MOST_CONSENTS - len(purposes))])))


def _keep_note(fields: dict[str, FieldValue], name: str, value: str) -> None:
    if name not in fields and sum(one.startswith(_NOTE) for one in fields) >= MOST_KINDS_OF_NOTES:
        return
    kept = fields.get(name, [])
    notes = [kept] if isinstance(kept, str) else list(kept)
    if value not in notes and len(notes) < MOST_NOTES:
        fields[name] = [*notes, value]


def shortened(value: FieldValue, longest: int) -> FieldValue:
    """A field's value of at most so many characters in all."""
    if isinstance(value, str):
        return value[:longest]
    kept: list[str] = []
    for one in value:
        if longest <= 0:
            break
        kept.append(one[:longest])
        longest -= len(one) + 1
    return kept
