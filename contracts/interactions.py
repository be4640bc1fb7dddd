"""What connectors publish: one normalized touch by a person."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.contract import Fact, Model, Standing

Medium = Literal["form", "email", "chat", "call", "sms", "unknown"]


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
    """A file that came along; the bytes stay in the raw delivery."""

    name: str
    content_type: str = "application/octet-stream"
    size: int = Field(default=0, ge=0, description="Bytes.")


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
    in_reply_to: list[str] = Field(default_factory=list, description="Message-IDs, nearest first.")
    consents: list[Consent] = Field(default_factory=list)

    def key(self) -> str:
        """The conversation: what one person writes stays in order."""
        return self.conversation

    def entity(self) -> str:
        """The interaction."""
        return str(self.interaction_id)
