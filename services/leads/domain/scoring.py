"""What an enquiry is worth: every rule that holds adds its points, and its name is the reason."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol


class Prepared(Protocol):
    """The values in the form that the language of the conditions wants."""

    def add_variable(self, name: str, value: Any) -> None:
        """One more value."""
        ...


@dataclass(slots=True)
class View:
    """What conditions look at: interaction, contact, fields and, for assignment, lead.

    `prepared` is made by the first condition that needs it.
    """

    values: dict[str, Any]
    prepared: Prepared | None = None

    def add(self, name: str, value: Any) -> None:
        """Let conditions look at one more thing."""
        self.values[name] = value
        if self.prepared is not None:
            self.prepared.add_variable(name, value)


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
