"""What goes over HTTP: deals, their history, and tasks."""

import base64
import json
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints
from pydantic.config import JsonDict

from services.deals.domain.deal import Deal, DealStatus
from services.deals.domain.rules import Rules
from services.deals.store.deals import HistoryLine
from services.deals.store.tasks import Task
from services.runtime.problems import Problem

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Person = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,200}$")]

_DEAL: JsonDict = {
    "id": "5b0f6c6e-6a3c-5d51-9c0e-0d9b0c5a4f11",
    "lead_id": "0c9c1d6e-93f1-5a55-8a39-3f7c2b1e7a20",
    "contact_id": "f6a4a2b8-1f0c-5b1a-9a57-2b8a4f5f9d02",
    "funnel": "reach",
    "stage": "new",
    "stage_missing": False,
    "status": "open",
    "title": "English for two, evenings",
    "amount": None,
    "currency": "EUR",
    "owner": "anna",
    "channel": "main-site",
    "score": 10,
    "version": 1,
    "opened_at": "2025-03-03T09:15:00Z",
    "entered_at": "2025-03-03T09:15:00Z",
    "closed_at": None,
    "merged_into": None,
}
_TASK: JsonDict = {
    "id": "9d3f0d2a-7f3e-5c57-8b1a-64f6f0a6c911",
    "deal_id": _DEAL["id"],
    "title": "Call back",
    "assignee": "anna",
    "due_at": "2025-03-03T13:15:00Z",
    "status": "open",
    "created_at": "2025-03-03T09:15:00Z",
    "closed_at": None,
    "closed_by": None,
}
_ENTRY: JsonDict = {
    "entry": 1,
    "from_funnel": None,
    "from_stage": None,
    "to_funnel": "reach",
    "to_stage": "new",
    "status": "open",
    "at": "2025-03-03T09:15:00Z",
    "reason": "lead captured",
}


class DealBody(BaseModel):
    """A card in a funnel."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DEAL]})

    id: UUID
    lead_id: UUID
    contact_id: UUID
    funnel: str
    stage: str
    stage_missing: bool = Field(description="The definitions no longer have this stage.")
    status: DealStatus
    title: str
    amount: Decimal | None = None
    currency: str | None = Field(default=None, description="ISO 4217.")
    owner: str | None = Field(default=None, description="A member of the team.")
    channel: str = Field(description="Where the enquiry came from.")
    score: int
    version: int = Field(description="Rises with every change; a move names the one it saw.")
    opened_at: datetime
    entered_at: datetime = Field(description="When it entered its stage.")
    closed_at: datetime | None = None
    merged_into: UUID | None = Field(default=None, description="The deal that goes on for this one.")

    @classmethod
    def of(cls, deal: Deal, rules: Rules) -> "DealBody":
        """A deal as it is shown."""
        return cls(
            id=deal.id,
            lead_id=deal.lead.id,
            contact_id=deal.contact_id,
            funnel=deal.funnel,
            stage=deal.stage,
            stage_missing=rules.stage(deal.funnel, deal.stage) is None,
            status=deal.status,
            title=deal.title,
            amount=deal.amount,
            currency=deal.currency,
            owner=deal.owner,
            channel=deal.lead.channel,
            score=deal.lead.score,
            version=deal.version,
            opened_at=deal.opened_at,
            entered_at=deal.entered_at,
            closed_at=deal.closed_at,
            merged_into=deal.merged_into,
        )


class HistoryBody(BaseModel):
    """One step of a deal's way."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_ENTRY]})

    entry: int
    from_funnel: str | None = Field(default=None, description="null: the deal was opened.")
    from_stage: str | None = None
    to_funnel: str
    to_stage: str
    status: DealStatus
    at: datetime
    reason: str = Field(description="The rule or the person that moved it.")

    @classmethod
    def of(cls, line: HistoryLine) -> "HistoryBody":
        """A step as it is shown."""
        return cls.model_validate(line)


class TaskBody(BaseModel):
    """Something for a person to do by a time."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_TASK]})

    id: UUID
    deal_id: UUID
    title: str
    assignee: str | None = None
    due_at: datetime
    status: Literal["open", "done", "dropped"] = Field(
        description="dropped: the deal was merged into another."
    )
    created_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None

    @classmethod
    def of(cls, task: Task) -> "TaskBody":
        """A task as it is shown."""
        return cls.model_validate(task)


class WholeDealBody(DealBody):
    """A deal with the way it went and its tasks."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_DEAL, "history": [_ENTRY], "tasks": [_TASK]}]}
    )

    history: list[HistoryBody]
    tasks: list[TaskBody]


class DealPage(BaseModel):
    """Deals, the newest first."""

    deals: list[DealBody]
    next: str | None = Field(default=None, description="Cursor of the next page; null on the last.")


class TaskPage(BaseModel):
    """Tasks, the earliest due first."""

    tasks: list[TaskBody]
    next: str | None = Field(default=None, description="Cursor of the next page; null on the last.")


class MoveBody(BaseModel):
    """Where a deal is to go."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"to": "talking", "version": 1}]}
    )

    to: Name = Field(description="The stage.")
    version: StrictInt = Field(ge=1, le=2**31 - 1, description="The version of the deal you look at.")
    funnel: Name | None = Field(default=None, description="Another funnel to move it to.")


def cursor_behind(at: datetime, last: UUID) -> str:
    """Names the last row of a page."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), str(last)]).encode()).decode()


def row_behind(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The row that a cursor names. Raises Problem 422."""
    if cursor is None:
        return None
    try:
        at, last = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment, UUID(last)
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        raise Problem(
            422,
            "The request is not valid",
            "The cursor is not one that this service has given.",
            field="cursor",
            remedy="Leave it out to begin with the first page.",
        ) from None
