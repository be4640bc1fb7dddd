"""The command that sends a text through a channel. What becomes of it is told by receipts."""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.contract import Command


class SendMessage(Command):
    """Send a text. Repeating it with the same `message_id` changes nothing.

    Messages to one address of a channel leave in the order of their commands.
    """

    TYPE: ClassVar[str] = "do.connectors.send.v1"
    OWNER: ClassVar[str] = "connectors"

    message_id: UUID = Field(description="Made by whoever wishes it; receipts name it.")
    channel: str = Field(min_length=1, max_length=63)
    to: str = Field(
        min_length=1, max_length=320, description="The vendor's address: a chat, a user, a telephone number."
    )
    text: str = Field(min_length=1, max_length=64_000)
    reply_to: str | None = Field(
        default=None, max_length=998, description="The vendor's id of the message that is answered."
    )
    not_after: AwareDatetime | None = Field(
        default=None, description="When it has not left by then, it no longer shall."
    )

    def key(self) -> str:
        """The address within its channel."""
        return f"{self.channel}:{self.to}"

    def entity(self) -> str:
        """The message."""
        return str(self.message_id)
