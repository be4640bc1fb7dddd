"""Follows what leads tells of contacts: how they stand, who is whom, who has been in touch."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any
from uuid import UUID

from prometheus_client import Counter

from contracts.leads import ContactChanged, ContactMerged, ContactTouched, ContactUnmerged
from services.notifications.content.mime import usable_address
from services.notifications.domain.enrolment import stopped_by_touch, superseded_by_merge
from services.notifications.store import contacts, enrolments, messages, suppressions
from services.notifications.store.enrolments import Enrolment
from services.notifications.usecases.ending import end
from services.runtime.received import Received
from services.runtime.work import Work

STALE = Counter(
    "leadwire_notifications_stale_snapshots_total", "Contact snapshots older than what was known."
)


async def follow_contacts(work: Work, news: Sequence[Received[Any]]) -> None:
    """Follow news of contacts in this order, neighbours of one sort together.

    A first touch stops nothing, and every new contact brings one: left out, it parts no neighbours.
    """
    telling = [one for one in news if not (isinstance(one.data, ContactTouched) and one.data.first)]
    runs = [(kind, list(run)) for kind, run in groupby(telling, key=lambda one: type(one.data))]
    if len(runs) > 1 or any(kind in (ContactMerged, ContactUnmerged) for kind, _ in runs):
        await _hold_all(work, [one.data for one in telling])
    for kind, several in runs:
        work.cause = several[0].cause
        if kind is ContactChanged:
            await note_changes(work, [one.data for one in several])
        elif kind is ContactTouched:
            await note_touches(work, several)
        else:
            for one in several:
                work.cause = one.cause
                await (merge if kind is ContactMerged else separate)(work, one.data)


async def _hold_all(work: Work, news: Sequence[Any]) -> None:
    """Every lock at once and in order: taken piece by piece, they would meet those of others in a circle."""
    addresses = {email for one in news if isinstance(one, ContactChanged) if (email := _address(one))}
    await suppressions.lock_addresses(work.connection, addresses)
    named = {one.absorbed_id for one in news if isinstance(one, ContactMerged | ContactUnmerged)}
    held = await contacts.hold(work.connection, named | {one.contact_id for one in news})
    await enrolments.lock_all(work.connection, held)


async def note_changes(work: Work, changes: Sequence[ContactChanged]) -> None:
    """Keep the newest snapshot of each contact; older ones are dropped and counted."""
    newest: dict[UUID, ContactChanged] = {}
    for change in changes:
        known = newest.get(change.contact_id)
        if known is None or known.version < change.version:
            newest[change.contact_id] = change
    rows = [_row(one) for one in newest.values()]
    await suppressions.lock_addresses(work.connection, (row["email"] for row in rows if row["email"]))
    kept = await contacts.save(work.connection, rows, work.now)
    STALE.inc(len(changes) - kept)


def _row(change: ContactChanged) -> dict[str, Any]:
    return {
        "id": str(change.contact_id),
        "version": change.version,
        "name": change.name,
        "language": change.language,
        "zone": change.zone,
        "email": _address(change),
        "identities": [identity.model_dump() for identity in change.identities],
        "consents": change.consents,
        "fields": change.fields,
    }


def _address(change: ContactChanged) -> str | None:
    emails = (identity.value for identity in change.identities if identity.kind == "email")
    return next((usable for one in emails if (usable := usable_address(one))), None)


async def merge(work: Work, merged: ContactMerged) -> None:
    """One goes on as the other: enrolments, messages and opt-outs follow; doubled runs end `merged`."""
    heads = await contacts.heads(work.connection, [merged.contact_id])
    staying = heads.get(merged.contact_id, merged.contact_id)
    if staying == merged.absorbed_id:
        return
    await contacts.absorb(work.connection, staying, merged.absorbed_id, work.now)
    locked = await enrolments.lock_all(work.connection, [staying, merged.absorbed_id])
    running = [one for one in locked if one.running]
    runs = await enrolments.runs(work.connection, locked if running else [])
    own = {one.id for one in locked if one.contact_id == staying}
    doubled = superseded_by_merge(
        (run for run in runs if run.id in own), (run for run in runs if run.id not in own)
    )
    await enrolments.move(work.connection, staying, merged.absorbed_id)
    gone = {run.id for run in doubled}
    await end(work, {"merged": [replace(one, contact_id=staying) for one in running if one.id in gone]})
    if running:
        work.note(
            "running enrolments follow a merge",
            names=[staying, merged.absorbed_id, *(one.id for one in running)],
        )


async def separate(work: Work, unmerged: ContactUnmerged) -> None:
    """A merge was undone: what was the absorbed contact's own is so again.

    What the merge has ended stays ended.
    """
    people = await contacts.set_free(work.connection, unmerged.absorbed_id)
    back = await enrolments.give_back(work.connection, unmerged.absorbed_id, people)
    names = [unmerged.contact_id, unmerged.absorbed_id, *back]
    work.note("enrolments follow the undoing of a merge", names=names)


async def note_touches(work: Work, touches: Sequence[Received[ContactTouched]]) -> None:
    """A person who is in touch again stops the sequences that stop on a reply."""
    later = [touch for touch in touches if not touch.data.first]
    if not later:
        return
    heads = await contacts.heads(work.connection, {touch.data.contact_id for touch in later})
    busy = await enrolments.contacts_running(work.connection, heads.values())
    asked = {id for id, head in heads.items() if head in busy}
    if not asked:
        return
    # All locks at once and in order, so that nobody waits in a circle with a sender.
    held = await contacts.lock(work.connection, asked)
    locked = await enrolments.lock_running(work.connection, {one.id for one in held.values()})
    for touch in later:
        if touch.data.contact_id in held:
            contact_id = held[touch.data.contact_id].id
            mine = [one for one in locked if one.contact_id == contact_id]
            stopped = await _stop(work, touch, contact_id, mine)
            locked = [one for one in locked if one.id not in stopped]


async def _stop(
    work: Work, touch: Received[ContactTouched], contact_id: UUID, running: Sequence[Enrolment]
) -> set[UUID]:
    answers_us = bool(touch.data.in_reply_to) and await messages.answered(
        work.connection, contact_id, touch.data.in_reply_to
    )
    runs = stopped_by_touch((one.run for one in running), touch.data.occurred_at, answers_us=answers_us)
    ids = {run.id for run in runs}
    ended = [one for one in running if one.id in ids]
    await end(work, {"replied": ended}, dict.fromkeys(ids, touch.cause))
    return ids
