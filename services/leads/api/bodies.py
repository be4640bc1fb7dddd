"""What goes over HTTP: contacts with their timeline, leads, and merges."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.leads.domain.contact import Contact, FieldValue
from services.leads.domain.lead import Status
from services.leads.store.merges import Merge

Line = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f]{1,500}$")]
_CONTACT_ID = "f6a4a2b8-1f0c-5b1a-9a57-2b8a4f5f9d02"
_LEAD_ID = "0c9c1d6e-93f1-5a55-8a39-3f7c2b1e7a20"
_MERGE_ID = "3d5c5e0e-6b1f-5a3c-8f0e-0d6f4c1b2a11"
_AT = "2026-03-02T09:15:00Z"
_CONTACT: dict[str, Any] = {
    "id": _CONTACT_ID,
    "name": "Ivan Petrov",
    "language": "ru",
    "zone": "Europe/Moscow",
    "identities": [{"kind": "phone", "value": "+79261234567"}],
    "consents": ["newsletter"],
    "fields": {"course": "IELTS"},
    "version": 2,
    "first_seen_at": _AT,
    "merged_into": None,
}
_MOMENT: dict[str, Any] = {
    "at": _AT,
    "id": "5b0f6c6e-6a3c-5d51-9c0e-0d9b0c5a4f11",
    "direction": "in",
    "channel": "main-site",
    "medium": "form",
    "title": "English for two",
    "text": "Evenings would be best.",
    "lead_id": _LEAD_ID,
    "outcome": None,
}
_LEAD: dict[str, Any] = {
    "id": _LEAD_ID,
    "contact_id": _CONTACT_ID,
    "interaction_id": _MOMENT["id"],
    "status": "open",
    "owner": "anna",
    "score": 25,
    "points": {"asked for IELTS": 20, "left a phone": 5},
    "channel": "main-site",
    "medium": "form",
    "title": "English for two",
    "fields": {"course": "IELTS"},
    "captured_at": _AT,
    "touched_at": _AT,
    "merged_into": None,
    "settled_at": None,
    "reason": None,
}
_MERGE: dict[str, Any] = {
    "id": _MERGE_ID,
    "contact_id": _CONTACT_ID,
    "absorbed_id": "9d3f0d2a-7f3e-5c57-8b1a-64f6f0a6c911",
    "reason": "The same person, said so on the phone",
    "merged_by": "anna",
    "merged_at": _AT,
    "undone_at": None,
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(from_attributes=True, json_schema_extra={"examples": [value]})


class IdentityBody(BaseModel):
    """One way to recognise the person, in its one spelling."""

    kind: str = Field(examples=["phone"])
    value: str = Field(examples=["+79261234567"])


class ContactBody(BaseModel):
    """A person."""

    model_config = _example(_CONTACT)

    id: UUID
    name: str | None
    language: str | None = Field(description="BCP 47.")
    zone: str | None = Field(description="IANA time zone.")
    identities: list[IdentityBody] = Field(description="In the order in which they were learnt.")
    consents: list[str] = Field(description="Purposes agreed to.")
    fields: dict[str, FieldValue]
    version: int = Field(description="Rises with every change that was announced.")
    first_seen_at: datetime
    merged_into: UUID | None = Field(description="The contact that goes on for this one.")

    @classmethod
    def of(cls, contact: Contact) -> "ContactBody":
        """A contact as it is shown."""
        return cls(
            id=contact.id,
            name=contact.name,
            language=contact.language,
            zone=contact.zone,
            identities=[IdentityBody(kind=h.key.kind, value=h.key.value) for h in contact.held()],
            consents=list(contact.consents),
            fields=contact.fields,
            version=contact.version,
            first_seen_at=contact.first_seen_at,
            merged_into=contact.merged_into,
        )


class MomentBody(BaseModel):
    """Something the contact wrote (`in`) or was sent (`out`)."""

    model_config = _example(_MOMENT)

    at: datetime
    id: UUID = Field(description="The interaction, or the message.")
    direction: Literal["in", "out"]
    channel: str | None = Field(description="Where it came in; null for what was sent.")
    medium: str
    title: str | None = Field(description="Subject; for what was sent the step of its sequence.")
    text: str
    lead_id: UUID | None
    outcome: str | None = Field(description="Of what was sent: sent, or why not.")


class WholeContactBody(ContactBody):
    """A contact with its timeline."""

    model_config = _example({**_CONTACT, "merges": [_MERGE_ID], "timeline": [_MOMENT], "next": None})

    merges: list[UUID] = Field(description="Merges that can be undone, the latest first.")
    timeline: list[MomentBody] = Field(description="The latest first.")
    next: str | None = Field(description="Cursor of the next page of the timeline; null on the last.")


class ContactsBody(BaseModel):
    """The contacts an identity belongs to: one, or none."""

    model_config = _example({"contacts": [_CONTACT]})

    contacts: list[ContactBody]


class LeadBody(BaseModel):
    """An enquiry worth working."""

    model_config = _example(_LEAD)

    id: UUID
    contact_id: UUID
    interaction_id: UUID = Field(description="The interaction that captured it.")
    status: Status
    owner: str | None = Field(description="A member of the team.")
    score: int
    points: dict[str, int] = Field(description="What the score is made of, by the rule's name.")
    channel: str
    medium: str
    title: str
    fields: dict[str, FieldValue]
    captured_at: datetime
    touched_at: datetime = Field(description="When its latest interaction was received.")
    merged_into: UUID | None = Field(description="The lead that goes on for this one.")
    settled_at: datetime | None
    reason: str | None = Field(description="Why it was qualified or closed.")


class LeadPage(BaseModel):
    """Leads, the newest first."""

    model_config = _example({"leads": [_LEAD], "next": None})

    leads: list[LeadBody]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class StatusBody(BaseModel):
    """What becomes of a lead."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"status": "closed", "reason": "Wanted something else"}]},
    )

    status: Literal["qualified", "closed"]
    reason: Line | None = Field(default=None, description="For colleagues and reports.")


class MergeRequestBody(BaseModel):
    """Two contacts that are one person."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{k: _MERGE[k] for k in ("contact_id", "absorbed_id", "reason")}]},
    )

    contact_id: UUID = Field(description="The contact that stays.")
    absorbed_id: UUID = Field(description="The contact that becomes part of it.")
    reason: Line = Field(description="How you know.")


class MergeBody(BaseModel):
    """A merge of two contacts."""

    model_config = _example(_MERGE)

    id: UUID
    contact_id: UUID = Field(description="The contact that stayed.")
    absorbed_id: UUID
    reason: str
    merged_by: str
    merged_at: datetime
    undone_at: datetime | None

    @classmethod
    def of(cls, merge: Merge) -> "MergeBody":
        """A merge as it is shown."""
        return cls(
            id=merge.id,
            contact_id=merge.survivor_id,
            absorbed_id=merge.absorbed_id,
            reason=merge.reason,
            merged_by=merge.merged_by,
            merged_at=merge.merged_at,
            undone_at=merge.undone_at,
        )
