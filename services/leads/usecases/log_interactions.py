"""Log interactions: whose each is, which lead it makes or belongs to, what it is worth, who works it.

Written for many at once: a fixed number of statements reads and locks all that the set may touch, the
facts are then handled one after the other on the desk, and what changed is written together. A merge
is written on the spot. Handling a set therefore gives the same as handling its facts singly.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from contracts.interactions import InteractionReceived
from services.leads.domain.contact import Contact, Held, describe, proof
from services.leads.domain.identity import Key
from services.leads.domain.lead import Lead, brief, touch
from services.leads.domain.rules import Rules
from services.leads.domain.scoring import View
from services.leads.store import contacts, interactions, leads, merges
from services.leads.store.interactions import Known
from services.leads.usecases import announce
from services.leads.usecases.desk import Desk
from services.leads.usecases.entry import Entry
from services.leads.usecases.merge_contacts import unite

if TYPE_CHECKING:
    from uuid import UUID

    from services.runtime.database import Connection
    from services.runtime.received import Received
    from services.runtime.work import Work


async def log_interactions(facts: list["Received[InteractionReceived]"], work: "Work", rules: Rules) -> None:
    """Log the interactions in this order; one that was logged before changes nothing."""
    known = await interactions.known(work.connection, [fact.data.interaction_id for fact in facts])
    entries = list(_news((Entry(fact, work, rules) for fact in facts), known))
    if not entries:
        return
    corrected = known.keys() & {entry.data.interaction_id for entry in entries}
    for one in corrected:
        whose = await contacts.head(work.connection, known[one].contact_id)
        known[one] = replace(known[one], contact_id=whose)
    desk = await _open_desk(entries, {known[one].contact_id for one in corrected}, work)
    for entry in entries:
        earlier = known.get(entry.data.interaction_id)
        logged = await (_correct(entry, earlier, desk) if earlier else _log(entry, desk))
        known[entry.data.interaction_id] = logged
    await desk.flush()


def _news(entries: Iterable[Entry], known: Mapping["UUID", Known]) -> Iterator[Entry]:
    """Those that were not logged before, and better readings of those that were."""
    revisions = {one: earlier.revision for one, earlier in known.items()}
    for entry in entries:
        one = entry.data.interaction_id
        if one not in revisions or entry.revision > revisions[one]:
            revisions[one] = entry.revision
            yield entry


async def _open_desk(entries: list[Entry], more: set["UUID"], work: "Work") -> Desk:
    """Take the identities that nobody has; lock the contacts of the others, and `more`."""
    connection = work.connection
    keys = list(dict.fromkeys(key for entry in entries for key in entry.sighting.reading.keys))
    owners = await contacts.owners(connection, keys)
    claims = _claims(entries, owners)
    taken = await contacts.claim(connection, claims) if claims else frozenset()
    if len(taken) < len(claims):
        owners = await contacts.owners(connection, [key for key in keys if key not in taken])
    wanted = {*owners.values(), *more}
    locked = await contacts.lock(connection, wanted) if wanted else {}
    while any(key not in locked[owner].identities for key, owner in owners.items()):
        # Somebody merged or separated contacts before we had them: look again.
        owners = await contacts.owners(connection, list(owners))
        locked |= await contacts.lock(connection, owners.values())
    for key in taken:
        # Taken ahead; whoever learns it in the end is decided fact by fact.
        if (taker := claims[key][0]) in locked:
            locked[taker].identities.pop(key, None)
    desk = Desk(connection, work.now)
    desk.put(locked.values(), (await _leads_of(connection, locked)).values())
    desk.claimed({key: claims[key][0] for key in taken})
    return desk


async def _leads_of(connection: "Connection", locked: dict["UUID", Contact]) -> dict["UUID", Lead]:
    return await leads.going_on_of(connection, locked) if locked else {}


def _claims(entries: list[Entry], owners: dict[Key, "UUID"]) -> dict[Key, tuple["UUID", Held]]:
    """For each identity that nobody has, the contact that it will most likely belong to."""
    claims: dict[Key, tuple[UUID, Held]] = {}
    likely = dict(owners)
    for entry in entries:
        reading = entry.sighting.reading
        telling = (key for key in reading.strong or reading.weak if key in likely)
        taker = next((likely[key] for key in telling), entry.contact_id)
        for ordinal, key in enumerate(reading.keys):
            if key not in likely:
                likely[key] = taker
                claims[key] = taker, Held(key, entry.data.received_at, ordinal)
    return claims


async def _log(entry: Entry, desk: Desk) -> Known:
    contact, known, merged = await _whose(entry, desk, desk.matching(entry.sighting.reading))
    changed = _learn(entry, contact, desk) or merged or not known
    view = entry.rules.view(entry.asked, contact, known=known)
    points = entry.rules.points(view)
    lead = desk.leads.get(contact.id)
    first = lead is None
    if lead is None:
        lead = await _capture(entry, contact, points, desk, view)
    else:
        touch(lead, entry.data.received_at, points)
        desk.touched(lead)
    desk.log(entry.logged(contact.id, lead.id, points))
    if changed:
        cause = entry.fact.cause
        announce.contact_changed(contact, desk, entry.work, cause=cause, correlation=lead.correlation)
    if first:
        announce.lead_captured(lead, entry, contact)
    announce.contact_touched(lead, entry, first=first)
    _note(entry, contact, lead, first=first, known=known)
    return Known(entry.revision, contact.id, lead.id)


async def _whose(entry: Entry, desk: Desk, matching: list[Contact]) -> tuple[Contact, bool, bool]:
    """The one contact behind the interaction; whether it was known; whether it absorbed others."""
    if not matching:
        contact = Contact(entry.contact_id, first_seen_at=entry.data.received_at)
        desk.admit(contact)
        return contact, False, False
    survivor, merged = matching[0], False
    for other in matching[1:]:
        if await merges.kept_apart(desk.connection, survivor.id, other.id):
            continue
        reason = proof(entry.sighting.reading, other)
        await unite(desk, survivor, other, entry.work, reason=reason, by="leads", cause=entry.fact.cause)
        merged = True
    return survivor, True, merged


def _learn(entry: Entry, contact: Contact, desk: Desk) -> bool:
    told = describe(contact, entry.sighting)
    held = desk.hold(contact, entry.sighting.reading, entry.data.received_at)
    return told or held


async def _capture(entry: Entry, contact: Contact, points: dict[str, int], desk: Desk, view: View) -> Lead:
    data = entry.data
    lead = Lead(
        id=entry.work.new_id("lead", entry.fact.cause),
        contact_id=contact.id,
        interaction_id=data.interaction_id,
        channel=data.channel,
        medium=data.medium,
        title=entry.title,
        captured_at=data.received_at,
        touched_at=data.received_at,
        correlation=entry.fact.cause.correlation,
        fields=brief(entry.asked.fields),
        points=points,
    )
    if entry.rules.assignment:
        seats = await desk.seats(entry.rules.team)
        lead.owner = entry.rules.owner(view, lead.score, seats)
    desk.capture(lead)
    return lead


def _note(entry: Entry, contact: Contact, lead: Lead, *, first: bool, known: bool) -> None:
    person = "a known contact" if known else "a new contact"
    did = f"logged an interaction of {person}, " + (
        "captured a lead" if first else "which goes on with its lead"
    )
    entry.work.note(
        did,
        names=(*entry.names, contact.id, lead.id),
        cause=entry.fact.cause,
        correlation=lead.correlation,
    )


async def _correct(entry: Entry, earlier: Known, desk: Desk) -> Known:
    """Take a better reading of a delivery: it corrects the contact and never makes a second lead."""
    await desk.flush()
    contact = desk.current(earlier.contact_id)
    others = [one for one in desk.matching(entry.sighting.reading) if one is not contact]
    matching = sorted([contact, *others], key=lambda one: one.age)
    contact, _, merged = await _whose(entry, desk, matching)
    cause = entry.fact.cause
    if _learn(entry, contact, desk) or merged:
        announce.contact_changed(contact, desk, entry.work, cause=cause, correlation=cause.correlation)
    row = entry.logged(contact.id, earlier.lead_id, {})
    await interactions.correct(desk.connection, row)
    did = "took a corrected reading of an interaction"
    entry.work.note(did, names=(*entry.names, contact.id, earlier.lead_id), cause=cause)
    return Known(entry.revision, contact.id, earlier.lead_id)
