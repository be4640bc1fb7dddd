"""How funnels and routing are written in YAML, key by key; see checks for what spans keys."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.deals.domain.rules import EventName, StageKind

NAME = r"^[a-z0-9][a-z0-9_-]{0,39}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Condition = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Span = Annotated[
    str,
    Field(description="A span of time: 30m, 4h, 2d, 1w, or several together such as 1d 4h."),
]


Clock = Annotated[str, Field(description="A time of day, such as 09:30.")]


class Written(BaseModel):
    """A mapping in the file; a key that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WrittenTask(Written):
    """A task to give out."""

    title: Title = Field(description="What is to be done, for the person who does it.")
    due_in: Span = Field(default="1d", description="How long they have.")
    at: Clock | None = Field(
        default=None,
        description="Time of day at which it is due, such as 10:00; due_in is whole days then.",
    )
    assignee: str | None = Field(
        default="owner",
        description="A team member, `owner` for the deal's owner, or null for nobody yet.",
    )


class WrittenEnrol(Written):
    """A sequence to start for the contact."""

    sequence: Name = Field(description="The sequence's name.")


class WrittenMove(Written):
    """A move inside the funnel."""

    to: Name = Field(description="The stage to move to.")


class WrittenAction(Written):
    """One thing to do: exactly one of the kinds, and perhaps when."""

    KINDS: ClassVar[tuple[str, ...]] = ("create_task", "enrol", "move")

    when: Condition | None = Field(default=None, description="CEL condition; without it, always.")
    create_task: WrittenTask | None = Field(default=None, description="Give a person a task.")
    enrol: WrittenEnrol | None = Field(default=None, description="Start a sequence.")
    move: WrittenMove | None = Field(default=None, description="Move the deal; nothing follows it.")

    @model_validator(mode="after")
    def _exactly_one(self) -> "WrittenAction":
        given = [kind for kind in self.KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"an action is exactly one of {', '.join(self.KINDS)}")
        return self


class WrittenAfter(Written):
    """What to do when a deal has stayed in the stage for a while."""

    name: Name | None = Field(default=None, description="Shown in history; default: after-<delay>.")
    delay: Span = Field(description="How long after entering the stage.")
    at: Clock | None = Field(
        default=None, description="Time of day, such as 10:00; the delay is whole days then."
    )
    zone: str | None = Field(
        default=None,
        description="IANA zone of days and `at`, or `contact` for the contact's own; default: the funnel's.",
    )
    late_after: Span | None = Field(
        default=None,
        description="Skip it when it could only be done this much too late; default: do it late.",
    )
    actions: list[WrittenAction] = Field(min_length=1, max_length=20, description="In order.")


class WrittenReaction(Written):
    """What to do when something happens to the contact."""

    name: Name | None = Field(default=None, description="Shown in history; default: the event.")
    event: EventName = Field(description="What happened.")
    when: Condition | None = Field(default=None, description="CEL condition; without it, always.")
    actions: list[WrittenAction] = Field(min_length=1, max_length=20, description="In order.")


class WrittenStage(Written):
    """One column of a funnel and its rules."""

    name: Name = Field(description="Unique in the funnel; deals refer to it.")
    title: Title | None = Field(default=None, description="For people; default: the name.")
    kind: StageKind = Field(default="open", description="won and lost close the deal.")
    on_enter: list[WrittenAction] = Field(
        default_factory=list, max_length=20, description="Done on entering the stage."
    )
    after: list[WrittenAfter] = Field(
        default_factory=list, max_length=50, description="Done when the deal has stayed a while."
    )
    on_event: list[WrittenReaction] = Field(
        default_factory=list,
        max_length=50,
        description="Done when something happens; up to the first move.",
    )
    on_leave: list[WrittenAction] = Field(
        default_factory=list,
        max_length=20,
        description="Done on leaving the stage, whoever moves the deal.",
    )


class WrittenFunnel(Written):
    """A way for deals, from the first stage to won or lost."""

    title: Title | None = Field(default=None, description="For people; default: the name.")
    currency: str | None = Field(
        default=None, pattern=r"^[A-Z]{3}$", description="ISO 4217 code of amounts, such as EUR."
    )
    zone: str = Field(default="UTC", description="IANA zone in which days and times of day count.")
    stages: list[WrittenStage] = Field(
        min_length=1, max_length=100, description="In order; new deals start in the first."
    )


class WrittenRoute(Written):
    """Leads of which the condition holds go to the funnel."""

    when: Condition = Field(description="CEL condition over lead and contact.")
    funnel: Name = Field(description="The funnel's name.")


class WrittenRouting(Written):
    """Which funnel a new lead goes to: the first rule that holds, else the default."""

    rules: list[WrittenRoute] = Field(default_factory=list, max_length=500, description="Tried in order.")
    default: Name | None = Field(
        default=None, description="Funnel for all other leads; may be left out when there is only one."
    )


class WrittenDeals(Written):
    """What deals reads of the definitions."""

    funnels: dict[Name, WrittenFunnel] = Field(default_factory=dict, max_length=200, description="By name.")
    routing: WrittenRouting | None = Field(default=None, description="Lead to funnel.")
