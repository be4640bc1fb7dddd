"""What following the rules comes to: each class is one thing to carry out, in the order planned."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from services.deals.domain.deal import Deal
from services.deals.domain.rules import Delayed


@dataclass(frozen=True, slots=True)
class Opened:
    """The deal stands in its first stage."""

    deal: Deal


@dataclass(frozen=True, slots=True)
class Moved:
    """The deal went from one stage to another, or was closed where it stood."""

    before: Deal
    deal: Deal
    reason: str
    rule: bool


@dataclass(frozen=True, slots=True)
class Hindered:
    """A rule wanted a stage that the funnel does not have (any more)."""

    deal: Deal
    to: str
    reason: str


@dataclass(frozen=True, slots=True)
class TaskPlanned:
    """A task to give out."""

    deal: Deal
    title: str
    assignee: str | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class EnrolPlanned:
    """A sequence to start."""

    deal: Deal
    sequence: str


@dataclass(frozen=True, slots=True)
class TimerPlanned:
    """A delayed rule to come back to; `place` is its place in the stage."""

    deal: Deal
    place: int
    rule: Delayed
    due_at: datetime
    zone: str


@dataclass(frozen=True, slots=True)
class TimersDropped:
    """The first `count` timers of the deal are no longer wanted."""

    deal: Deal
    count: int


@dataclass(frozen=True, slots=True)
class TasksDropped:
    """The open tasks of the deal are no longer wanted."""

    deal: Deal


@dataclass(frozen=True, slots=True)
class TasksRestored:
    """The tasks that were dropped at that time are wanted again."""

    deal: Deal
    dropped_at: datetime


Planned: TypeAlias = (
    Opened
    | Moved
    | Hindered
    | TaskPlanned
    | EnrolPlanned
    | TimerPlanned
    | TimersDropped
    | TasksDropped
    | TasksRestored
)
