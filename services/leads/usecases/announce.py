"""What leads tells the others."""

from typing import TYPE_CHECKING

from contracts.interactions import Identity
from contracts.leads import ContactChanged, ContactTouched, LeadCaptured
from services.leads.domain.contact import Contact
from services.leads.domain.identity import clean
from services.leads.domain.lead import Lead
from services.leads.usecases.desk import Desk
from services.leads.usecases.entry import Entry

if TYPE_CHECKING:
    from services.runtime.cause import Cause
    from services.runtime.work import Work


# What a fact carries must fit the bus; no person has more.
MOST_IDENTITIES = 100
MOST_REPLIED_TO = 50


def contact_changed(contact: Contact, desk: Desk, work: "Work", *, cause: "Cause", correlation: str) -> None:
    """Count the contact's version up, have it written, and publish how it stands."""
    contact.version += 1
    desk.changed(contact)
    snapshot = ContactChanged(
        contact_id=contact.id,
        version=contact.version,
        name=contact.name,
        language=contact.language,
        zone=contact.zone,
        identities=[
            Identity(kind=held.key.kind, value=held.key.value) for held in contact.held()[:MOST_IDENTITIES]
        ],
        consents=list(contact.consents),
        fields=contact.fields,
    )
    work.emit(snapshot, cause=cause, version=contact.version, correlation=correlation)


def lead_captured(lead: Lead, entry: Entry, contact: Contact) -> None:
    """Publish a new lead."""
    captured = LeadCaptured(
        contact_id=contact.id,
        lead_id=lead.id,
        interaction_id=lead.interaction_id,
        channel=lead.channel,
        medium=entry.data.medium,
        title=lead.title,
        contact_name=contact.name,
        score=lead.score,
        owner=lead.owner,
        fields=lead.fields,
        captured_at=lead.captured_at,
    )
    entry.work.emit(captured, cause=entry.fact.cause, correlation=lead.correlation)


def contact_touched(lead: Lead, entry: Entry, *, first: bool) -> None:
    """Publish that the interaction was logged."""
    touched = ContactTouched(
        contact_id=lead.contact_id,
        interaction_id=entry.data.interaction_id,
        channel=entry.data.channel,
        medium=entry.data.medium,
        lead_id=lead.id,
        first=first,
        in_reply_to=[clean(one) for one in entry.data.in_reply_to[:MOST_REPLIED_TO]],
        occurred_at=entry.data.occurred_at,
    )
    entry.work.emit(touched, cause=entry.fact.cause, correlation=lead.correlation)
