"""What connectors publishes: one normalized touch by a person, and what becomes of it later."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.contract import Fact, Model, Standing

Medium = Literal["form", "email", "chat", "call", "sms", "unknown"]
Alteration = Literal["edited", "deleted", "reacted", "unreacted"]


class Identity(Model):
    """One way to recognise a person. `kind` is phone, email, or a messenger such as telegram."""

    kind: str = Field(min_length=1, max_length=40)
    value: str = Field(min_length=1, max_length=320, description="As the channel gave it, trimmed.")


class Sender(Model):
    """Who wrote, as far as the channel knows."""

    identities: list[Identity] = Field(default_factory=list)
    name: str | None = None
    language: str | None = Field(default=None, description="BCP 47, such as en or pt-BR.")


class Attachment(Model):
    """A file that came along."""

    name: str
    content_type: str = "application/octet-stream"
    size: int = Field(default=0, ge=0, description="Bytes.")
    reference: str | None = Field(
        default=None,
        description="The vendor's id or address of the bytes; without one they are in the raw delivery.",
    )


class Consent(Model):
    """What the person agreed to, in the words shown."""

    purpose: str
    wording: str | None = None
    given_at: AwareDatetime


class InteractionReceived(Fact):
    """A person touched us through a channel. Never published twice for one interaction id and revision."""

    TYPE: ClassVar[str] = "crm.interactions.received.v1"
    OWNER: ClassVar[str] = "connectors"
    STANDING: ClassVar[Standing] = "change"

    interaction_id: UUID
    delivery_id: str
    channel: str
    kind: str = Field(description="The channel's kind, such as form or telegram.")
    medium: Medium
    external_id: str | None = Field(default=None, description="The vendor's own id.")
    conversation: str = Field(description="Thread, chat or sender that keeps its order.")
    occurred_at: AwareDatetime
    received_at: AwareDatetime
    sender: Sender
    title: str | None = None
    text: str = ""
    fields: dict[str, str | list[str]] = Field(default_factory=dict)
    attachments: list[Attachment] = Field(default_factory=list)
    message_id: str | None = Field(default=None, description="RFC 5322 Message-ID without brackets.")
    in_reply_to: list[str] = Field(
        default_factory=list, description="Message-IDs or the vendor's ids, nearest first."
    )
    consents: list[Consent] = Field(default_factory=list)

    def key(self) -> str:
        """The conversation: what one person writes stays in order."""
        return self.conversation

    def entity(self) -> str:
        """The interaction."""
        return str(self.interaction_id)


class InteractionChanged(Fact):
    """Something became of an earlier touch: its author edited or deleted it, or somebody reacted to it.

    `interaction_id` is the id that touch has if it was ever published; a message of ours has none.
    """

    TYPE: ClassVar[str] = "crm.interactions.changed.v1"
    OWNER: ClassVar[str] = "connectors"
    STANDING: ClassVar[Standing] = "change"

    change_id: UUID
    interaction_id: UUID
    delivery_id: str
    channel: str
    kind: str = Field(description="The channel's kind, such as telegram.")
    external_id: str = Field(description="The vendor's id of the message it happened to.")
    conversation: str = Field(description="As that of the message it happened to.")
    change: Alteration
    text: str | None = Field(default=None, description="After an edit: all of the text as it is now.")
    reaction: str | None = Field(default=None, description="An emoji, or the vendor's name of it.")
    sender: Sender
    occurred_at: AwareDatetime
    received_at: AwareDatetime

    def key(self) -> str:
        """The conversation."""
        return self.conversation

    def entity(self) -> str:
        """The interaction."""
        return str(self.interaction_id)
