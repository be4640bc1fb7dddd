"""What a sender that is gone left behind, and what it means for the letters it held."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.notifications.domain.settlement import Attempt

CUT_OFF = "its sender went silent while sending"
NEVER_LEFT = "its sender was gone before it left"


@dataclass(frozen=True, slots=True)
class Noted:
    """The last that a sender wrote down of a message: it was its own, was about to end, or was over."""

    number: int
    ending: bool = False
    outcome: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Legacy:
    """The notes of a sender that is gone. `whole`: none that it made is missing."""

    owner: UUID
    whole: bool
    noted: Mapping[UUID, Noted]

    def outcomes(self) -> Iterator[Attempt]:
        """What it knew of its letters."""
        return (note.outcome for note in self.noted.values() if note.outcome)

    def verdict(self, message_id: UUID, number: int, now: datetime) -> Attempt | None:
        """What became of an attempt that the database has as begun; None when only time can tell.

        Of what the notes do not name they say nothing: the database may be an older one, restored.
        """
        note = self.noted.get(message_id)
        if note is None or note.number != number:
            return None
        if note.outcome or not self.whole:
            return note.outcome
        if note.ending:
            return Attempt(message_id, number, "unknown", CUT_OFF, now)
        return Attempt(message_id, number, "untried", NEVER_LEFT, now)
