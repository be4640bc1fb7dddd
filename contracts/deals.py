"""What deals publishes: cards moving through funnels, and the tasks they cause."""

from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.contract import Fact, Standing

DealStatus = Literal["open", "won", "lost", "merged"]


class _OfDeal(Fact):
    """Facts of one deal share its key."""

    OWNER: ClassVar[str] = "deals"
    STANDING: ClassVar[Standing] = "change"

    deal_id: UUID
    contact_id: UUID

    def key(self) -> str:
        """The deal."""
        return str(self.deal_id)


class DealOpened(_OfDeal):
    """A lead became a card in a funnel."""

    TYPE: ClassVar[str] = "crm.deals.opened.v1"

    lead_id: UUID
    funnel: str
    stage: str
    title: str
    amount: Decimal | None = None
    currency: str | None = Field(default=None, description="ISO 4217.")
    owner: str | None = None
    opened_at: AwareDatetime


class DealMoved(_OfDeal):
    """A deal changed its stage, was closed, or is open again where it stood."""

    TYPE: ClassVar[str] = "crm.deals.moved.v1"

    lead_id: UUID
    funnel: str
    from_stage: str
    to_stage: str
    status: DealStatus
    reason: str = Field(description="The rule or the person that moved it.")
    version: int = Field(ge=1)
    moved_at: AwareDatetime


class TaskCreated(_OfDeal):
    """Something for a person to do by a time."""

    TYPE: ClassVar[str] = "crm.tasks.created.v1"

    task_id: UUID
    title: str
    assignee: str | None = None
    due_at: AwareDatetime

    def entity(self) -> str:
        """The task."""
        return str(self.task_id)
