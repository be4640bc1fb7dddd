"""What an enquiry is worth: every rule that holds adds its points, and its name is the reason."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class View:
    """What conditions look at: interaction, contact, fields and, for assignment, lead.

    `prepared` belongs to the language of the conditions, which keeps its form of the values there.
    """

    values: dict[str, Any]
    prepared: object = None


Condition = Callable[[View], bool]


@dataclass(frozen=True, slots=True)
class ScoringRule:
    """Points, positive or negative, for what `holds`."""

    name: str
    points: int
    holds: Condition


def points_for(rules: Iterable[ScoringRule], view: View) -> dict[str, int]:
    """The points an interaction earns, by the name of the rule that gave them."""
    return {rule.name: rule.points for rule in rules if rule.holds(view)}
