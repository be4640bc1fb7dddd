"""What notifications publishes, and the command that starts a sequence."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.contract import Command, Fact, Standing

EndReason = Literal["completed", "replied", "opted_out", "undeliverable", "merged", "cancelled", "unknown"]
FailureReason = Literal[
    "rejected", "suppressed", "no_address", "too_late", "render_failed", "cancelled", "unknown"
]
OptOutSource = Literal["unsubscribe", "person"]


class _OfContact(Fact):
    """Facts about what one person was sent share the contact's key."""

    OWNER: ClassVar[str] = "notifications"
    STANDING: ClassVar[Standing] = "change"

    contact_id: UUID

    def key(self) -> str:
        """The contact."""
        return str(self.contact_id)


class _OfEnrolment(_OfContact):
    enrolment_id: UUID
    sequence: str
    sequence_version: str

    def entity(self) -> str:
        """The enrolment."""
        return str(self.enrolment_id)


class SequenceEnrolled(_OfEnrolment):
    """A contact started one version of a sequence."""

    TYPE: ClassVar[str] = "crm.sequences.enrolled.v1"

    deal_id: UUID | None = None
    enrolled_at: AwareDatetime


class SequenceEnded(_OfEnrolment):
    """An enrolment reached its one terminal state."""

    TYPE: ClassVar[str] = "crm.sequences.ended.v1"

    reason: EndReason
    ended_at: AwareDatetime


class _OfMessage(_OfContact):
    message_id: UUID
    enrolment_id: UUID | None = None
    deal_id: UUID | None = None
    sequence: str | None = None
    step: str
    medium: Literal["email", "sms", "chat"]
    internet_message_id: str | None = Field(default=None, description="RFC 5322, without brackets.")

    def entity(self) -> str:
        """The message."""
        return str(self.message_id)


class MessageSent(_OfMessage):
    """The provider took the message."""

    TYPE: ClassVar[str] = "crm.messages.sent.v1"

    sent_at: AwareDatetime


class MessageNotSent(_OfMessage):
    """The message was not sent, was taken back in time (`cancelled`), or nobody can tell (`unknown`)."""

    TYPE: ClassVar[str] = "crm.messages.not_sent.v1"

    reason: FailureReason
    detail: str = Field(default="", description="For people; no address and no text in it.")
    settled_at: AwareDatetime


class ContactOptedOut(_OfContact):
    """The contact must not be written to any more. Nothing was started after this was committed.

    Of an address that belongs to no contact nothing is said.
    """

    TYPE: ClassVar[str] = "crm.messages.opted_out.v1"

    medium: Literal["email", "sms", "chat"]
    source: OptOutSource = Field(description="The contact itself, or a person of ours.")
    opted_out_at: AwareDatetime


class EnrolContact(Command):
    """Start a sequence for a contact. Repeating it for the same sequence and deal changes nothing."""

    TYPE: ClassVar[str] = "do.notifications.enrol.v1"
    OWNER: ClassVar[str] = "notifications"

    contact_id: UUID
    sequence: str
    deal_id: UUID | None = None

    def key(self) -> str:
        """The contact."""
        return str(self.contact_id)
