"""Who works a lead: in turn, or whoever has the fewest open leads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from services.leads.domain.scoring import Condition, View

Manner = Literal["round_robin", "least_busy"]


@dataclass(slots=True)
class Seat:
    """A team member's place in the queue. `turn` is the number of the last assignment given."""

    member: str
    turn: int = 0
    open_leads: int = 0


@dataclass(frozen=True, slots=True)
class AssignmentRule:
    """Leads for which `holds` go to one of `to`."""

    to: tuple[str, ...]
    by: Manner
    holds: Condition


def assign(rules: Iterable[AssignmentRule], seats: Mapping[str, Seat], view: View) -> str | None:
    """Give the lead to somebody and note it on the seat; None when no rule has anybody for it.

    Whoever waited longest comes next; with `least_busy` the fewest open leads count first.
    """
    for rule in rules:
        candidates = [seats[member] for member in rule.to if member in seats]
        if candidates and rule.holds(view):
            return _take(candidates, rule.by, seats).member
    return None


def _take(candidates: list[Seat], by: Manner, seats: Mapping[str, Seat]) -> Seat:
    # min() keeps the first of equals, so the order in the definition decides the very first round.
    busy = by == "least_busy"
    seat = min(candidates, key=lambda seat: (seat.open_leads if busy else 0, seat.turn))
    seat.turn = max(other.turn for other in seats.values()) + 1
    seat.open_leads += 1
    return seat
