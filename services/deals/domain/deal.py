"""A deal, its contact as far as rules need it, and what conditions may see of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

DealStatus = Literal["open", "won", "lost", "merged"]


@dataclass(frozen=True, slots=True)
class Contact:
    """A person without name and address: what rules may depend on."""

    id: UUID
    language: str | None = None
    zone: str | None = None
    consents: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lead:
    """The enquiry as it was captured; its contact may have been merged since."""

    id: UUID
    contact_id: UUID
    channel: str
    medium: str
    title: str
    score: int
    owner: str | None
    fields: Mapping[str, Any]
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Deal:
    """A card in a funnel.

    `entry` counts the stages it has entered and is the generation of its timers; `armed` is how
    many timers its present stage has set; `version` rises with every change people may collide on.
    """

    id: UUID
    contact_id: UUID
    lead: Lead
    funnel: str
    stage: str
    title: str
    amount: Decimal | None
    currency: str | None
    owner: str | None
    status: DealStatus
    version: int
    entry: int
    armed: int
    correlation: str
    opened_at: datetime
    entered_at: datetime
    closed_at: datetime | None = None
    merged_into: UUID | None = None


def new_deal(
    deal_id: UUID,
    lead: Lead,
    contact_id: UUID,
    funnel: str,
    stage: str,
    currency: str | None,
    correlation: str,
    moment: datetime,
) -> Deal:
    """The deal of a lead, in its first stage."""
    return Deal(
        id=deal_id,
        contact_id=contact_id,
        lead=lead,
        funnel=funnel,
        stage=stage,
        title=lead.title,
        amount=None,
        currency=currency,
        owner=lead.owner,
        status="open",
        version=1,
        entry=1,
        armed=0,
        correlation=correlation,
        opened_at=moment,
        entered_at=moment,
    )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a contact, as conditions see it."""

    name: str
    channel: str = ""
    medium: str = ""
    threaded: bool = False
    lead: str = ""
    sequence: str = ""
    step: str = ""
    reason: str = ""


def facts_of_lead(lead: Lead) -> dict[str, Any]:
    """What conditions see of a lead; empty text stands for what is unknown."""
    return {
        "id": str(lead.id),
        "channel": lead.channel,
        "medium": lead.medium,
        "title": lead.title,
        "score": lead.score,
        "owner": lead.owner or "",
        "fields": dict(lead.fields),
        "captured_at": lead.captured_at,
    }


def facts_of_contact(contact: Contact) -> dict[str, Any]:
    """What conditions see of a contact."""
    return {
        "id": str(contact.id),
        "language": contact.language or "",
        "zone": contact.zone or "",
        "consents": list(contact.consents),
        "fields": dict(contact.fields),
    }


def facts_of_deal(deal: Deal) -> dict[str, Any]:
    """What conditions see of a deal; an unknown amount counts as 0."""
    return {
        "id": str(deal.id),
        "funnel": deal.funnel,
        "stage": deal.stage,
        "title": deal.title,
        "amount": float(deal.amount or 0),
        "currency": deal.currency or "",
        "owner": deal.owner or "",
        "status": deal.status,
        "opened_at": deal.opened_at,
        "entered_at": deal.entered_at,
    }


def facts_of_event(event: Event) -> dict[str, Any]:
    """What conditions see of an event; a field that does not belong to it is empty."""
    return {name: getattr(event, name) for name in Event.__dataclass_fields__}


def elder(one: Deal, other: Deal) -> Deal:
    """Of two deals the one whose lead was captured first, which is how leads decides too."""
    return min(one, other, key=lambda deal: (deal.lead.captured_at, deal.lead.id))
