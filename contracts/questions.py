"""Request and reply: what may be asked of a service over the bus, and the shape of its answer."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from contracts.contract import Model

SERVICES = ("connectors", "leads", "deals", "notifications")


class Question(Model):
    """Asked by request/reply on `TYPE`, where `{service}` stands for the one that answers."""

    TYPE: ClassVar[str]
    ANSWER: ClassVar[type[Model]]


def subject_to(question: type[Question], service: str) -> str:
    """The subject on which `service` answers this question."""
    return question.TYPE.format(service=service)


class JournalLine(Model):
    """One thing a service did, in words without personal data."""

    at: datetime
    correlation: str = Field(description="The enquiry it belongs to.")
    event: str | None = Field(default=None, description="Id of the event that was handled.")
    did: str


class Waiting(Model):
    """Something that has not happened yet: a parked event, a timer, an unpublished row."""

    kind: Literal["parked", "timer", "outbox"]
    name: str = Field(description="Its id, or the kind of timer.")
    since: datetime | None = None
    due_at: datetime | None = None
    reason: str = Field(default="", description="Why it waits.")
    remedy: str = Field(default="", description="What a person can do about it.")


class TraceAnswer(Model):
    """What one service knows of the names and correlations it was asked about."""

    service: str
    names: list[str] = Field(default_factory=list, description="Other names of the same things.")
    correlations: list[str] = Field(default_factory=list, description="Where the names occur.")
    lines: list[JournalLine] = Field(default_factory=list, description="Oldest first.")
    waiting: list[Waiting] = Field(default_factory=list)


class AskTrace(Question):
    """What became of these? Asked once with the names, then with the correlations all services found."""

    TYPE: ClassVar[str] = "ask.{service}.trace.v1"
    ANSWER: ClassVar[type[Model]] = TraceAnswer

    names: list[str] = Field(
        default_factory=list,
        description="Any id a person may have in hand, a phone or an email.",
    )
    correlations: list[str] = Field(default_factory=list)


class DefinitionProblem(Model):
    """One mistake in a definition, for the person who wrote it."""

    path: str = Field(description="Where in the part, such as funnels.reach.stages[0].after.")
    message: str
    remedy: str = ""


class StageAnswer(Model):
    """Accepted when there are no problems; nothing is active yet either way."""

    service: str
    accepted: bool
    problems: list[DefinitionProblem] = Field(default_factory=list)


class AskStage(Question):
    """Would you take this part of a definition set? Staging it twice changes nothing."""

    TYPE: ClassVar[str] = "ask.{service}.stage.v1"
    ANSWER: ClassVar[type[Model]] = StageAnswer

    version: str = Field(min_length=1, description="Version of the whole set.")
    part: dict[str, object] = Field(description="This service's top-level keys of the set.")


class InFlight(Model):
    """Open deals in one stage under one version of a definition set."""

    funnel: str
    stage: str
    version: str = Field(description="The definition set these deals are pinned to.")
    deals: int = Field(ge=0)


class InFlightAnswer(Model):
    """Only stages that hold an open deal are listed."""

    stages: list[InFlight] = Field(default_factory=list)


class AskInFlight(Question):
    """How many open deals stand where? Shown by a diff before definitions change."""

    TYPE: ClassVar[str] = "ask.deals.in_flight.v1"
    ANSWER: ClassVar[type[Model]] = InFlightAnswer

    funnel: str | None = Field(default=None, description="Only this funnel.")
