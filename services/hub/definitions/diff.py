"""What applying a set would change, and what is in flight in the things that it touches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.hub.definitions import active
from services.hub.definitions.changes import Change, changes
from services.hub.definitions.parts import Part
from services.runtime.bus import AnswerRefused, Bus, Unanswered
from services.runtime.questions import subject

# Whose question `in_flight` tells about the things below which top-level key.
_IN_FLIGHT = {"funnels": "deals", "sequences": "notifications"}
_PATIENCE_SECONDS = 2.0

Counts = dict[str, Any]


@dataclass
class Difference:
    """Changes by name with what is in flight there; `silent` are services that did not say."""

    before: str | None
    after: str
    changes: list[Change] = field(default_factory=list)
    in_flight: dict[str, Counts] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """JSON-ready data."""
        rows = [
            change.plain() | {"in_flight": told(self.in_flight.get(change.key, {}).get(change.name))}
            for change in self.changes
        ]
        return {"before": self.before, "version": self.after, "changes": rows, "silent": self.silent}


async def difference(bus: Bus, version: str, parts: Mapping[str, Part]) -> Difference:
    """Compare a set with the active one. Raises BusUnavailable."""
    now = await active.active(bus)
    current = await active.parts_of(bus, now.version) if now else None
    found = Difference(now.version if now else None, version)
    found.changes = changes(active.merged(current), active.merged(parts))
    for key in sorted({change.key for change in found.changes} & _IN_FLIGHT.keys()):
        try:
            answer = await bus.request(subject(_IN_FLIGHT[key], "in_flight"), {}, _PATIENCE_SECONDS)
            found.in_flight[key] = answer.get(key, {})
        except Unanswered:
            found.silent.append(_IN_FLIGHT[key])
        except AnswerRefused:
            # A service that is there and counts nothing.
            continue
    return found


def told(counts: Any) -> str:
    """Counts in words: `new: 12, talking: 3`; a bare number as it is; empty when nothing is there."""
    if isinstance(counts, Mapping):
        return ", ".join(f"{name}: {count}" for name, count in counts.items())
    return str(counts or "")
