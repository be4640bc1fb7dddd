"""What leads publishes: contacts and the enquiries worth working."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.contract import Fact, Standing
from contracts.interactions import Identity, Medium


class _OfContact(Fact):
    """Facts of one contact share its key, so that a lead never overtakes its contact."""

    contact_id: UUID

    def key(self) -> str:
        """The contact."""
        return str(self.contact_id)


class ContactChanged(_OfContact):
    """The whole contact as it stands after a change; an older one may be dropped."""

    TYPE: ClassVar[str] = "crm.contacts.changed.v1"
    OWNER: ClassVar[str] = "leads"
    STANDING: ClassVar[Standing] = "snapshot"

    version: int = Field(ge=1)
    name: str | None = None
    language: str | None = None
    zone: str | None = Field(default=None, description="IANA time zone.")
    identities: list[Identity] = Field(description="Normalized; the first of a kind is preferred.")
    consents: list[str] = Field(default_factory=list, description="Purposes agreed to.")
    fields: dict[str, str | list[str]] = Field(default_factory=dict)


class ContactMerged(_OfContact):
    """`absorbed_id` is the same person as `contact_id`, which stays."""

    TYPE: ClassVar[str] = "crm.contacts.merged.v1"
    OWNER: ClassVar[str] = "leads"
    STANDING: ClassVar[Standing] = "change"

    absorbed_id: UUID
    reason: str = Field(description="The identity that proved it, by kind only.")


class ContactUnmerged(_OfContact):
    """A merge was undone: `absorbed_id` stands on its own again, beside `contact_id`.

    What came since the merge stays with `contact_id`. How both stand follows in `ContactChanged`.
    """

    TYPE: ClassVar[str] = "crm.contacts.unmerged.v1"
    OWNER: ClassVar[str] = "leads"
    STANDING: ClassVar[Standing] = "change"

    absorbed_id: UUID
    leads: list[UUID] = Field(default_factory=list, description="The leads that go back to `absorbed_id`.")


class ContactTouched(_OfContact):
    """An interaction was logged with a contact."""

    TYPE: ClassVar[str] = "crm.contacts.touched.v1"
    OWNER: ClassVar[str] = "leads"
    STANDING: ClassVar[Standing] = "change"

    interaction_id: UUID
    channel: str
    medium: Medium
    lead_id: UUID | None = None
    first: bool = Field(description="True when this touch captured the lead.")
    in_reply_to: list[str] = Field(default_factory=list)
    occurred_at: AwareDatetime

    def entity(self) -> str:
        """The interaction."""
        return str(self.interaction_id)


class LeadCaptured(_OfContact):
    """A new enquiry worth working."""

    TYPE: ClassVar[str] = "crm.leads.captured.v1"
    OWNER: ClassVar[str] = "leads"
    STANDING: ClassVar[Standing] = "change"

    lead_id: UUID
    interaction_id: UUID
    channel: str
    medium: Medium
    title: str
    contact_name: str | None = None
    score: int = 0
    owner: str | None = Field(default=None, description="Team member it was assigned to.")
    fields: dict[str, str | list[str]] = Field(default_factory=dict)
    captured_at: AwareDatetime

    def entity(self) -> str:
        """The lead."""
        return str(self.lead_id)


class LeadMerged(_OfContact):
    """Two open leads turned out to be one person's: `lead_id` ends, `into_lead_id` goes on."""

    TYPE: ClassVar[str] = "crm.leads.merged.v1"
    OWNER: ClassVar[str] = "leads"
    STANDING: ClassVar[Standing] = "change"

    lead_id: UUID
    into_lead_id: UUID

    def entity(self) -> str:
        """The lead that ends."""
        return str(self.lead_id)


class LeadReopened(_OfContact):
    """The merge that ended `lead_id` was undone: it is open again, beside `from_lead_id`."""

    TYPE: ClassVar[str] = "crm.leads.reopened.v1"
    OWNER: ClassVar[str] = "leads"
    STANDING: ClassVar[Standing] = "change"

    lead_id: UUID
    from_lead_id: UUID = Field(description="The lead it had ended in.")

    def entity(self) -> str:
        """The lead that is open again."""
        return str(self.lead_id)


class LeadSettled(_OfContact):
    """A person gave a lead its outcome: qualified, as a deal goes on with it, or closed."""

    TYPE: ClassVar[str] = "crm.leads.settled.v1"
    OWNER: ClassVar[str] = "leads"
    STANDING: ClassVar[Standing] = "change"

    lead_id: UUID
    status: Literal["qualified", "closed"]
    reason: str | None = Field(default=None, description="In the person's words.")
    settled_at: AwareDatetime

    def entity(self) -> str:
        """The lead."""
        return str(self.lead_id)
