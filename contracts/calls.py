"""What is published of telephone calls: one call, however many legs and events it has.

connectors tells what becomes of a call, leads who is calling.
"""

from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.contract import Fact, Model, Standing
from contracts.interactions import Medium, Sender

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


class CallerLead(Model):
    """An enquiry of the caller that goes on."""

    lead_id: UUID
    title: str
    status: Literal["open", "qualified"]
    owner: str | None = Field(default=None, description="Team member it was assigned to.")
    captured_at: AwareDatetime


class CallerDeal(Model):
    """An open deal of the caller, as far as deals has told of it."""

    deal_id: UUID
    lead_id: UUID
    title: str
    funnel: str
    stage: str
    amount: Decimal | None = None
    currency: str | None = Field(default=None, description="ISO 4217.")
    owner: str | None = None


class CallerTouch(Model):
    """The last that the caller wrote (`in`) or was sent (`out`) before this call."""

    at: AwareDatetime
    direction: Direction
    channel: str | None = Field(default=None, description="Where it came in.")
    medium: Medium
    title: str | None = None
    text: str = Field(default="", description="Its beginning.")


class CallerRequest(Model):
    """What the caller asked for: the latest enquiry that goes on."""

    lead_id: UUID
    title: str
    text: str = Field(default="", description="The beginning of what the person wrote then.")
    fields: dict[str, str | list[str]] = Field(default_factory=dict)


class CallIdentified(Fact):
    """Who is calling, told while it rings. Once per incoming call; a stranger is told as unknown."""

    TYPE: ClassVar[str] = "crm.calls.identified.v1"
    OWNER: ClassVar[str] = "leads"
    STANDING: ClassVar[Standing] = "change"

    call_id: UUID
    channel: str
    kind: str = Field(description="The channel's kind, such as mango.")
    external_id: str = Field(description="The vendor's id of the whole call.")
    outside: Sender = Field(description="The caller as the exchange shows them.")
    line: str | None = Field(default=None, description="Our number that was called.")
    agent: str | None = Field(default=None, description="Our extension or user that rings.")
    known: bool = Field(description="False for a stranger, and for whoever hides their number.")
    contact_id: UUID | None = Field(default=None, description="The contact, if there is one.")
    name: str | None = Field(default=None, description="The contact's, else the one the exchange shows.")
    owner: str | None = Field(
        default=None, description="Whose the caller is: of the latest open deal or lead that has an owner."
    )
    asked: CallerRequest | None = None
    leads: list[CallerLead] = Field(default_factory=list, description="The latest first; at most 10.")
    deals: list[CallerDeal] = Field(default_factory=list, description="The latest first; at most 10.")
    last_touch: CallerTouch | None = None
    occurred_at: AwareDatetime = Field(description="When it began to ring.")
    received_at: AwareDatetime = Field(description="When we were told so.")

    def key(self) -> str:
        """The call."""
        return str(self.call_id)
