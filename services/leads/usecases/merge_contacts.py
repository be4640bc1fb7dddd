"""Merge two contacts that are one person, keeping exactly what is needed to separate them again."""

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from contracts.leads import ContactMerged, LeadMerged
from services.leads.domain import contact as people
from services.leads.domain import lead as enquiries
from services.leads.domain.contact import Contact
from services.leads.errors import Refused, Unknown
from services.leads.store import interactions, leads, merges
from services.leads.usecases import announce
from services.leads.usecases.desk import Desk, lay_out

if TYPE_CHECKING:
    from services.runtime.cause import Cause
    from services.runtime.work import Work


async def merge_contacts(survivor_id: UUID, absorbed_id: UUID, work: "Work", *, reason: str, by: str) -> UUID:
    """Merge on a person's word; returns the merge. Raises Unknown or Refused."""
    if survivor_id == absorbed_id:
        raise Refused(
            "A contact cannot be merged with itself.",
            field="absorbed_id",
            remedy="Name the other contact.",
        )
    desk = await lay_out(work.connection, work.now, (survivor_id, absorbed_id))
    for field, one in (("contact_id", survivor_id), ("absorbed_id", absorbed_id)):
        if one not in desk.contacts:
            raise Unknown("contact", one, field=field)
        if (into := desk.contacts[one].merged_into) is not None:
            raise Refused(f"Contact {one} was merged already.", field=field, remedy=f"Use contact {into}.")
    survivor, absorbed = desk.contacts[survivor_id], desk.contacts[absorbed_id]
    merge_id = await unite(desk, survivor, absorbed, work, reason=reason, by=by, cause=work.cause)
    announce.contact_changed(survivor, desk, work, cause=work.cause, correlation=work.cause.correlation)
    await desk.flush()
    return merge_id


async def unite(
    desk: Desk,
    survivor: Contact,
    absorbed: Contact,
    work: "Work",
    *,
    reason: str,
    by: str,
    cause: "Cause",
) -> UUID:
    """Move everything to the survivor and record it; who calls announces how the survivor stands."""
    await desk.flush()
    connection = work.connection
    merge = merges.Merge(
        id=work.new_id("merge", cause),
        survivor_id=survivor.id,
        absorbed_id=absorbed.id,
        reason=reason,
        merged_by=by,
        merged_at=work.now,
        keys=tuple(held.key for held in absorbed.held()),
        portrait=people.portrait(survivor),
        last=await interactions.last_of(connection, survivor.id),
    )
    work.emit(ContactMerged(contact_id=survivor.id, absorbed_id=absorbed.id, reason=reason), cause=cause)
    ended, kept = await _settle_leads(desk, survivor, absorbed, work, cause)
    moved = await leads.move(connection, absorbed.id, survivor.id)
    desk.give(merge.keys, survivor.id)
    people.absorb(survivor, absorbed)
    desk.changed(survivor)
    desk.changed(absorbed)
    await desk.flush()
    await merges.add(connection, replace(merge, leads=moved, ended_lead=ended, kept_lead=kept))
    work.note(
        "merged two contacts that are one person",
        names=(merge.id, survivor.id, absorbed.id),
        cause=cause,
    )
    return merge.id


async def _settle_leads(
    desk: Desk, survivor: Contact, absorbed: Contact, work: "Work", cause: "Cause"
) -> tuple[UUID | None, UUID | None]:
    """Leave one open lead, the older: which one ended, and in which. A qualified one stays as it is."""
    ours, theirs = desk.leads.get(survivor.id), desk.leads.pop(absorbed.id, None)
    if theirs is None:
        return None, None
    if ours is None:
        theirs.contact_id = survivor.id
        desk.leads[survivor.id] = theirs
        return None, None
    if "qualified" in (ours.status, theirs.status):
        going_on = max(ours, theirs, key=lambda lead: (lead.status == "open", lead.age))
        going_on.contact_id = survivor.id
        desk.leads[survivor.id] = going_on
        return None, None
    kept, ended = sorted((ours, theirs), key=lambda lead: lead.age)
    enquiries.absorb(kept, ended)
    await leads.settle(work.connection, ended, work.now)
    await desk.relieve(ended.owner)
    kept.contact_id = survivor.id
    desk.leads[survivor.id] = kept
    desk.touched(kept)
    work.emit(
        LeadMerged(contact_id=survivor.id, lead_id=ended.id, into_lead_id=kept.id),
        cause=cause,
        correlation=ended.correlation,
    )
    work.note(
        "the lead ended in an older one of the same person",
        names=(ended.id, kept.id),
        cause=cause,
        correlation=ended.correlation,
    )
    return ended.id, kept.id
