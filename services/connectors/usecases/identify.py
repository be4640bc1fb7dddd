"""Which interaction a touch is: a new one, or one that was published before."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from contracts.interactions import InteractionReceived
from services.connectors.domain.interaction import CONTENT_WINDOW
from services.connectors.store import interactions
from services.connectors.usecases.outcome import Outcome

if TYPE_CHECKING:
    from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Identified:
    """A fact under its final id."""

    fact: InteractionReceived
    place: int
    content: str | None

    @property
    def digest(self) -> bytes:
        """Changes when a later parse gives another fact."""
        return hashlib.blake2b(self.fact.model_dump_json().encode(), digest_size=16).digest()

    def row(self, revision: int = 1) -> interactions.Row:
        """What is kept of it."""
        fact = self.fact
        return interactions.Row(
            fact.interaction_id,
            fact.delivery_id,
            self.place,
            fact.channel,
            fact.kind,
            fact.external_id,
            fact.message_id,
            self.content,
            fact.received_at,
            revision,
            self.digest,
        )


class Contents:
    """Contents seen around a time: within ten minutes the same content is the same press."""

    def __init__(self, rows: Iterable[interactions.Row]) -> None:
        self._known: dict[tuple[str, str], list[tuple[datetime, UUID]]] = {}
        for row in rows:
            self.add(row.channel, row.content or "", row.received_at, row.interaction_id)

    def add(self, channel: str, content: str, at: datetime, known_as: UUID) -> None:
        """Remember a content."""
        self._known.setdefault((channel, content), []).append((at, known_as))

    def find(self, channel: str, content: str, at: datetime) -> UUID | None:
        """The nearest interaction in time that has this content, if one is near enough."""
        near = [
            (abs(at - seen), known_as.int, known_as)
            for seen, known_as in self._known.get((channel, content), ())
            if abs(at - seen) <= CONTENT_WINDOW
        ]
        return min(near)[2] if near else None


async def contents_around(connection: "Connection", outcomes: Sequence[Outcome]) -> Contents:
    """Look up the contents in these outcomes; nobody else may until the transaction ends."""
    wanted = [
        (found.content, outcome.delivery.received_at)
        for outcome in outcomes
        for found in outcome.found
        if found.content
    ]
    if not wanted:
        return Contents(())
    times = [at for _, at in wanted]
    names = sorted({content for content, _ in wanted})
    rows = await interactions.of_contents(connection, names, min(times), max(times), CONTENT_WINDOW)
    return Contents(rows)


def identify(outcome: Outcome, contents: Contents) -> list[Identified]:
    """The facts of one outcome under their final ids, in its order."""
    identified = []
    for place, found in enumerate(outcome.found):
        fact = found.fact
        if found.content:
            at = fact.received_at
            known_as = contents.find(fact.channel, found.content, at)
            if known_as is None:
                contents.add(fact.channel, found.content, at, fact.interaction_id)
            else:
                fact = fact.model_copy(update={"interaction_id": known_as})
        identified.append(Identified(fact, place, found.content))
    return identified
