"""What people write about sequences, templates and senders."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,200}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200_000)]
Span = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class Written(BaseModel):
    """Anything written by people: a key that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WrittenSender(Written):
    """Who writes letters."""

    from_: Line = Field(
        alias="from", description='Name and address, such as "Riverside School <hello@school.example>".'
    )
    reply_to: Line | None = Field(
        default=None, description="The address answers go to, if it is not the sender's."
    )


class WrittenTemplate(Written):
    """A letter to be filled in, in Liquid."""

    subject: Line = Field(description="The subject; a line of Liquid.")
    text: Text | None = Field(default=None, description="The letter as plain text.")
    body: Text | None = Field(
        default=None, description="The same, as a .liquid file gives what follows its front matter."
    )
    html: Text | None = Field(
        default=None, description="The letter as HTML beside it; every value in it is escaped."
    )

    @property
    def sources(self) -> dict[str, str]:
        """The Liquid in it, by the key it was written under."""
        keys = ("subject", "text", "body", "html")
        return {key: source for key in keys if (source := getattr(self, key)) is not None}


class WrittenStep(Written):
    """One message of a sequence."""

    name: Name = Field(description="Its name within the sequence; also part of the Message-ID.")
    after: Span = Field(
        default="0m",
        description="How long after the step before, or the enrolment: 30m, 2h, 1d. Days are calendar days.",
    )
    at: Span | None = Field(
        default=None, description="Time of day in the contact's zone, such as 10:00; as it comes without it."
    )
    channel: Literal["email"] = Field(default="email", description="What carries it: email.")
    template: Name = Field(description="The template that is filled in.")
    late_after: Span = Field(
        default="12h", description="How late it may still go out, such as after an outage."
    )
    unknown: Literal["never", "repeat"] = Field(
        default="never",
        description="Nobody can tell whether it arrived: never send it again, or repeat it, twice at most.",
    )


class WrittenSequence(Written):
    """A series of messages to one contact."""

    title: Line = Field(description="What people call it.")
    purpose: Name | None = Field(
        default=None,
        description="The consent it needs, as forms name it; none for an answer to the person's own wish.",
    )
    sender: Name = Field(default="default", description="Who writes; one of senders.")
    stop_on: list[Literal["replied"]] = Field(
        default_factory=list, max_length=10, description="What ends it early: replied."
    )
    zone: Line = Field(default="UTC", description="IANA time zone for contacts whose own is not known.")
    steps: list[WrittenStep] = Field(min_length=1, max_length=100, description="The messages, in order.")


class WrittenNotifications(Written):
    """What notifications reads of the definitions."""

    sequences: dict[Name, WrittenSequence] = Field(
        default_factory=dict, max_length=500, description="Series of messages, by name."
    )
    templates: dict[Name, WrittenTemplate] = Field(
        default_factory=dict, max_length=1000, description="Letters, by name."
    )
    senders: dict[Name, WrittenSender] = Field(
        default_factory=dict, max_length=100, description="Who writes letters, by name."
    )
