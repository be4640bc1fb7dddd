"""What people defined, ready to be followed: funnels, their stages and rules, and routes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any, Literal, Protocol, TypeAlias

from services.deals.domain.times import Span

StageKind = Literal["open", "won", "lost"]
EventName = Literal["replied", "message_sent", "message_not_sent", "sequence_ended"]

OWNER = "owner"
CONTACT_ZONE = "contact"
INBOX = "inbox"


@dataclass(slots=True)
class View:
    """What a condition may look at. `prepared` is the evaluator's own, to convert it only once."""

    facts: Mapping[str, Any]
    prepared: Any = None


class Condition(Protocol):
    """A question about a view."""

    def holds(self, view: View) -> bool:
        """Whether it is so; a question that cannot be answered is not so."""
        ...


@dataclass(frozen=True, slots=True)
class CreateTask:
    """Give a person something to do. `assignee` is a team member, `owner`, or nobody yet."""

    title: str
    due_in: Span
    at: time | None = None
    assignee: str | None = OWNER
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Enrol:
    """Start a sequence for the contact."""

    sequence: str
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Move the deal to another stage of its funnel; nothing after it in its list is done."""

    to: str
    when: Condition | None = None


Action: TypeAlias = CreateTask | Enrol | Move


@dataclass(frozen=True, slots=True)
class Delayed:
    """What to do when a deal has stayed in its stage for a while.

    `written` is the actions as they were written: a timer carries them, so that a deal keeps the
    rule it entered under. A firing more than `late_after` too late is skipped.
    """

    name: str
    delay: Span
    at: time | None
    zone: str | None
    late_after: timedelta | None
    actions: tuple[Action, ...]
    written: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Reaction:
    """What to do when something happens to the contact of a deal in this stage."""

    name: str
    event: EventName
    when: Condition | None
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """One column of a funnel."""

    name: str
    title: str
    kind: StageKind = "open"
    on_enter: tuple[Action, ...] = ()
    after: tuple[Delayed, ...] = ()
    on_event: tuple[Reaction, ...] = ()
    on_leave: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Funnel:
    """Stages in order; a new deal starts in the first."""

    name: str
    title: str
    stages: tuple[Stage, ...]
    currency: str | None = None
    zone: str = "UTC"

    def stage(self, name: str) -> Stage | None:
        """The stage of that name, if there still is one."""
        return next((stage for stage in self.stages if stage.name == name), None)


@dataclass(frozen=True, slots=True)
class Route:
    """Leads of which the condition holds go to the funnel."""

    when: Condition
    funnel: str


def built_in_inbox() -> Funnel:
    """Where leads go as long as nobody has defined a funnel, so that none is lost."""
    return Funnel(INBOX, "Inbox", (Stage("new", "New"),))


@dataclass(frozen=True, slots=True)
class Rules:
    """One set of definitions, checked and compiled."""

    funnels: Mapping[str, Funnel] = field(default_factory=lambda: {INBOX: built_in_inbox()})
    routes: Sequence[Route] = ()
    default: str = INBOX

    def stage(self, funnel: str, stage: str) -> Stage | None:
        """A stage by the names a deal refers to, if both still exist."""
        found = self.funnels.get(funnel)
        return found.stage(stage) if found else None

    def listens_to(self, event: str) -> bool:
        """Whether any stage has a rule for the event."""
        return event in {
            reaction.event
            for funnel in self.funnels.values()
            for stage in funnel.stages
            for reaction in stage.on_event
        }

    def route(self, view: View) -> Funnel:
        """The funnel of a new lead: the first route that holds, else the default."""
        for route in self.routes:
            if route.when.holds(view):
                return self.funnels[route.funnel]
        return self.funnels[self.default]
