"""What connectors publishes of telephone calls: one call, however many legs and events it has."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.contract import Fact, Standing
from contracts.interactions import Sender

Direction = Literal["in", "out"]
CallOutcome = Literal["answered", "missed", "voicemail"]


class _OfCall(Fact):
    """Facts of one call share its key; each kind of fact comes once per call.

    A call that stays inside the house makes none of them.
    """

    OWNER: ClassVar[str] = "connectors"
    STANDING: ClassVar[Standing] = "change"

    call_id: UUID = Field(description="Also the interaction's id, where the call makes one.")
    delivery_id: str = Field(description="The delivery that told it.")
    channel: str
    kind: str = Field(description="The channel's kind, such as mango.")
    external_id: str = Field(description="The vendor's id of the whole call.")
    direction: Direction
    outside: Sender = Field(description="The other party, as far as it is known.")
    line: str | None = Field(default=None, description="Our number that was called or is calling.")
    agent: str | None = Field(default=None, description="Our extension or user, as the exchange names it.")
    occurred_at: AwareDatetime
    received_at: AwareDatetime

    def key(self) -> str:
        """The call."""
        return str(self.call_id)


class CallRinging(_OfCall):
    """A call began: nobody has answered it yet."""

    TYPE: ClassVar[str] = "crm.calls.ringing.v1"


class CallAnswered(_OfCall):
    """A person answered."""

    TYPE: ClassVar[str] = "crm.calls.answered.v1"


class CallMissed(_OfCall):
    """The call is over and nobody answered it."""

    TYPE: ClassVar[str] = "crm.calls.missed.v1"

    cause: str | None = Field(default=None, description="The exchange's own word for why.")


class CallVoicemail(_OfCall):
    """The caller left a message."""

    TYPE: ClassVar[str] = "crm.calls.voicemail.v1"

    recording: str | None = Field(default=None, description="The vendor's id or address of the recording.")


class CallRecorded(_OfCall):
    """A recording of the call can be fetched. Once per recording."""

    TYPE: ClassVar[str] = "crm.calls.recorded.v1"

    recording: str = Field(description="The vendor's id or address of the recording.")


class CallEnded(_OfCall):
    """The call is over."""

    TYPE: ClassVar[str] = "crm.calls.ended.v1"

    outcome: CallOutcome
    talk_seconds: int | None = Field(default=None, ge=0, description="How long they talked, if it is known.")
    cause: str | None = Field(default=None, description="The exchange's own word for how it ended.")
