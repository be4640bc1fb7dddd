"""A lead: one enquiry worth working, from its capture until it is qualified, closed or merged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from services.leads.domain.contact import FieldValue, shortened

Status = Literal["open", "qualified", "closed", "merged"]
LONGEST_TITLE: Final = 120
LONGEST_FIELD: Final = 2_000
# In characters, names included. The interaction keeps everything; a lead travels through the bus.
LONGEST_FIELDS: Final = 50_000


@dataclass(slots=True)
class Lead:
    """An enquiry. `correlation` is that of the delivery that made it; later touches go on under it."""

    id: UUID
    contact_id: UUID
    interaction_id: UUID
    channel: str
    medium: str
    title: str
    captured_at: datetime
    touched_at: datetime
    correlation: str
    fields: dict[str, FieldValue] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    owner: str | None = None
    status: Status = "open"
    merged_into: UUID | None = None

    @property
    def score(self) -> int:
        """The sum of the points it earned, each rule once."""
        return sum(self.points.values())

    @property
    def age(self) -> tuple[datetime, UUID]:
        """Sorts leads from the oldest to the youngest, the same way everywhere."""
        return self.captured_at, self.id


def touch(lead: Lead, at: datetime, points: Mapping[str, int]) -> None:
    """Attach an interaction: what it earned counts, a rule that earned before counts once."""
    lead.touched_at = max(lead.touched_at, at)
    lead.points = {**points, **lead.points}


def absorb(survivor: Lead, absorbed: Lead) -> None:
    """End the younger lead in the older one."""
    touch(survivor, absorbed.touched_at, absorbed.points)
    absorbed.status = "merged"
    absorbed.merged_into = survivor.id


def title_of(title: str | None, text: str, channel: str) -> str:
    """A line that says what the enquiry is about: its title, else how its text begins."""
    lines = (line.strip() for line in (title or "", *text.splitlines()[:20]))
    first = next((line for line in lines if line), f"Enquiry from {channel}")
    return first if len(first) <= LONGEST_TITLE else first[: LONGEST_TITLE - 1].rstrip() + "…"


def brief(fields: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """The fields of an enquiry as far as a lead carries them: the first ones, none too long."""
    kept: dict[str, FieldValue] = {}
    room = LONGEST_FIELDS
    for name, value in fields.items():
        short = shortened(value, LONGEST_FIELD)
        room -= len(name) + (len(short) if isinstance(short, str) else sum(len(one) + 1 for one in short))
        if room < 0:
            break
        kept[name] = short
    return kept
