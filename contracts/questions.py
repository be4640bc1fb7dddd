"""Request and reply: what may be asked of a service over the bus, and the shape of its answer.

Where a question cannot be answered at all, the reply is `{"error": why}` instead.
"""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, Field, RootModel

from contracts.contract import Model

SERVICES = ("connectors", "leads", "deals", "notifications")


class Question(Model):
    """Asked by request/reply on `TYPE`, where `{service}` stands for the one that answers."""

    TYPE: ClassVar[str]
    ANSWER: ClassVar[type[BaseModel]]


def subject_to(question: type[Question], service: str) -> str:
    """The subject on which `service` answers this question."""
    return question.TYPE.format(service=service)


class JournalEntry(Model):
    """One thing a service did, in words without personal data."""

    service: str
    at: datetime
    correlation: str = Field(description="The enquiry it belongs to.")
    event_id: str = Field(description="The event that was handled.")
    did: str
    names: list[str] = Field(default_factory=list, description="Ids under which it can be found.")


class ParkedEvent(Model):
    """An event that could not be handled, or that waits behind one."""

    service: str
    id: int = Field(description="With the service in front, the id that `leadwire dead` takes.")
    stream: str
    grp: str = Field(description="The group of readers that parked it.")
    key: str = Field(description="What waits behind it: later events of the same key.")
    event_id: str
    type: str
    recovery: str = Field(description="retry: by timer; person: redrive or discard; behind: follows another.")
    reason: str
    attempts: int = Field(ge=0)
    next_try: datetime | None = None
    parked_at: datetime
    correlation: str


class ArmedTimer(Model):
    """Something that will happen at its time."""

    service: str
    kind: str
    key: str
    due_at: datetime
    zone: str = Field(description="IANA time zone of the rule.")
    rule: str = Field(description="What it was reckoned from, such as a delay and a time of day.")
    correlation: str


class TraceAnswer(Model):
    """What one service knows of the names, or of the enquiries, that it was asked about."""

    names: list[str] = Field(default_factory=list, description="All names of the same things.")
    correlations: list[str] = Field(default_factory=list, description="Where the names occur.")
    entries: list[JournalEntry] = Field(default_factory=list, description="Oldest first.")
    parked: list[ParkedEvent] = Field(default_factory=list)
    timers: list[ArmedTimer] = Field(default_factory=list, description="Soonest first.")


class AskTrace(Question):
    """What became of these? Asked to resolve names first, then about the correlations found."""

    TYPE: ClassVar[str] = "ask.{service}.trace.v1"
    ANSWER: ClassVar[type[BaseModel]] = TraceAnswer

    resolve: list[str] | None = Field(
        default=None, description="Any ids a person may have in hand, a phone or an email."
    )
    correlations: list[str] | None = Field(default=None, description="Asked about without `resolve`.")


class DefinitionMistake(Model):
    """One mistake in a definition, for the person who wrote it."""

    path: str = Field(description="Where in the part, such as funnels.reach.stages[0].name.")
    message: str
    remedy: str


class StageAnswer(Model):
    """Accepted when there are no errors; nothing is active yet either way."""

    accepted: bool
    errors: list[DefinitionMistake] = Field(default_factory=list)


class AskStage(Question):
    """Would you take this part of a definition set? Staging it again changes nothing."""

    TYPE: ClassVar[str] = "ask.{service}.stage.v1"
    ANSWER: ClassVar[type[BaseModel]] = StageAnswer

    version: str = Field(min_length=1, description="Version of the whole set.")
    part: dict[str, object] = Field(description="This service's top-level keys of the set.")


class InFlightAnswer(RootModel[dict[str, dict[str, dict[str, int]]]]):
    """By top-level key of the definitions and by name, how many stand where; only what holds one is listed.

    Deals tell of `funnels` how many open deals stand in each stage, notifications of `sequences` how many
    enrolments wait for each step.
    """


class AskInFlight(Question):
    """What is in flight in the things you define? Shown by a diff before definitions change."""

    TYPE: ClassVar[str] = "ask.{service}.in_flight.v1"
    ANSWER: ClassVar[type[BaseModel]] = InFlightAnswer
