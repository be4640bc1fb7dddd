"""What leads publishes: contacts and the enquiries worth working."""

from typing import ClassVar
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
