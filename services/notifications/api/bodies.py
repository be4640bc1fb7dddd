"""What goes over HTTP: messages, enrolments, opt-outs and previews."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from contracts.notifications import EndReason, FailureReason
from services.notifications.domain.enrolment import MessageState

EnrolmentState = Literal["running"] | EndReason
Source = Annotated[str, StringConstraints(min_length=1, max_length=200_000)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]

_CONTACT = "f6a4a2b8-1f0c-5b1a-9a57-2b8a4f5f9d02"
_MESSAGE: JsonDict = {
    "id": "3a0a5b52-2d1b-5f5e-8c3c-6f1b0d7b9b11",
    "enrolment_id": "0b8d1c70-93c7-5a4e-9b9f-5c4f2d6f3e21",
    "contact_id": _CONTACT,
    "sequence": "welcome",
    "step": "thanks",
    "medium": "email",
    "state": "sent",
    "reason": None,
    "detail": "250 2.0.0 at DOT",
    "attempts": 1,
    "internet_message_id": "3a0a5b52-2d1b-5f5e-8c3c-6f1b0d7b9b11.thanks@school.example",
    "due_at": "2025-03-03T09:15:00Z",
    "next_try_at": None,
    "started_at": "2025-03-03T09:15:00.120Z",
    "settled_at": "2025-03-03T09:15:00.180Z",
    "created_at": "2025-03-03T09:15:00Z",
}
_ENROLMENT: JsonDict = {
    "id": "0b8d1c70-93c7-5a4e-9b9f-5c4f2d6f3e21",
    "contact_id": _CONTACT,
    "sequence": "welcome",
    "version": "4f1f0c6f2b7e9d3a",
    "deal_id": "5b0f6c6e-6a3c-5d51-9c0e-0d9b0c5a4f11",
    "state": "running",
    "next_due_at": "2025-03-04T09:00:00Z",
    "enrolled_at": "2025-03-03T09:15:00Z",
    "ended_at": None,
}
_SUPPRESSION: JsonDict = {
    "id": "c0f1a5b0-7a5e-5c55-b5de-1f6a0c1d2e33",
    "medium": "email",
    "address": "ann@example.com",
    "contact_id": _CONTACT,
    "source": "unsubscribe",
    "added_by": None,
    "added_at": "2025-03-05T18:02:11Z",
}


class MessageBody(BaseModel):
    """One outgoing message and what became of it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_MESSAGE]})

    id: UUID
    enrolment_id: UUID
    contact_id: UUID
    sequence: str
    step: str
    medium: Literal["email", "sms", "chat"]
    state: MessageState = Field(description="unknown: nobody can tell whether it arrived.")
    reason: FailureReason | None = Field(description="Why it was not sent.")
    detail: str = Field(description="The server's codes; never its words, which may hold addresses.")
    attempts: int
    internet_message_id: str = Field(description="Message-ID (RFC 5322) without brackets.")
    due_at: datetime
    next_try_at: datetime | None = Field(description="While it is queued.")
    started_at: datetime | None
    settled_at: datetime | None
    created_at: datetime


class MessagePage(BaseModel):
    """Messages, the newest first."""

    messages: list[MessageBody]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class EnrolmentBody(BaseModel):
    """One contact's run through one version of a sequence."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_ENROLMENT]})

    id: UUID
    contact_id: UUID
    sequence: str
    version: str = Field(description="The version of the definitions it is pinned to.")
    deal_id: UUID | None
    state: EnrolmentState = Field(description="running, or the one reason it ended.")
    next_due_at: datetime | None = Field(description="When its next step is due.")
    enrolled_at: datetime
    ended_at: datetime | None


class EnrolmentPage(BaseModel):
    """Enrolments, the newest first."""

    enrolments: list[EnrolmentBody]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class SuppressionBody(BaseModel):
    """Somebody who must not be written to."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_SUPPRESSION]})

    id: UUID
    medium: Literal["email", "sms", "chat"]
    address: str
    contact_id: UUID | None
    source: Literal["unsubscribe", "person"]
    added_by: str | None = Field(description="Name of the token it was added with.")
    added_at: datetime


class SuppressionPage(BaseModel):
    """Opt-outs, the newest first."""

    suppressions: list[SuppressionBody]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class NewSuppression(BaseModel):
    """An address that must not be written to from now on."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"address": "ann@example.com"}]}
    )

    address: str = Field(min_length=3, max_length=320)


class SuppressionAdded(BaseModel):
    """What it changed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"added": True, "enrolments_ended": 1}]})

    added: bool = Field(description="false when it had been there before.")
    enrolments_ended: int


class PreviewWish(BaseModel):
    """A template of the active definitions, or one that is being written, filled in for a contact."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"template": "welcome-now", "sequence": "welcome", "contact": _CONTACT},
                {
                    "subject": "Hello {{ contact.first_name }}",
                    "text": "Your course: {{ contact.fields.course }}",
                },
            ]
        },
    )

    template: Name | None = Field(default=None, description="A template by name.")
    subject: Source | None = Field(default=None, description="Or its subject,")
    text: Source | None = Field(default=None, description="its text,")
    html: Source | None = Field(default=None, description="and its HTML, if any.")
    sequence: Name | None = Field(default=None, description="The sequence it belongs to.")
    contact: UUID | None = Field(default=None, description="For whom; a made-up person if left out.")

    @model_validator(mode="after")
    def _one_of_both(self) -> "PreviewWish":
        written = self.subject is not None and self.text is not None
        if (self.template is None) != written or (self.template and (self.text or self.html or self.subject)):
            raise ValueError("give either template, or subject and text")
        return self


class Preview(BaseModel):
    """The letter as the contact would get it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"subject": "Hello Ann", "text": "Your course: evenings", "html": None}]
        }
    )

    subject: str
    text: str
    html: str | None
