"""What connectors publishes of messages that were sent through a channel: what became of them there."""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.contract import Fact, Standing


class _Receipt(Fact):
    """Receipts of one message share its key. Each status of a message is published once."""

    OWNER: ClassVar[str] = "connectors"
    STANDING: ClassVar[Standing] = "change"

    receipt_id: UUID
    message_id: UUID | None = Field(default=None, description="Our id, if it was sent through this hub.")
    delivery_id: str = Field(description="The delivery that told it; empty if we know it by sending.")
    channel: str
    kind: str = Field(description="The channel's kind, such as whatsapp.")
    external_id: str = Field(
        description="The vendor's id of the message that was sent; ours while it has none."
    )
    address: str | None = Field(default=None, description="Whom it was sent to, if the vendor says so.")
    occurred_at: AwareDatetime
    received_at: AwareDatetime

    def key(self) -> str:
        """The message, by the vendor's id within its channel."""
        return f"{self.channel}:{self.external_id}"


class ReceiptSent(_Receipt):
    """The vendor has handed the message on."""

    TYPE: ClassVar[str] = "crm.receipts.sent.v1"


class ReceiptDelivered(_Receipt):
    """The message has reached the person's device."""

    TYPE: ClassVar[str] = "crm.receipts.delivered.v1"


class ReceiptRead(_Receipt):
    """The person has seen the message."""

    TYPE: ClassVar[str] = "crm.receipts.read.v1"


class ReceiptFailed(_Receipt):
    """The message will not arrive."""

    TYPE: ClassVar[str] = "crm.receipts.failed.v1"

    code: str | None = Field(default=None, description="The vendor's error code.")
    reason: str | None = Field(default=None, description="The vendor's words for it.")


class ReceiptUnknown(_Receipt):
    """The message may have gone or not: nobody can tell, and it is not sent again.

    What becomes known later is told by the other receipts.
    """

    TYPE: ClassVar[str] = "crm.receipts.unknown.v1"

    reason: str | None = Field(default=None, description="Why that is open.")
