"""Take a merge back: both contacts stand again as if it had never been, with what came since."""

from typing import TYPE_CHECKING
from uuid import UUID

from contracts.leads import ContactUnmerged, LeadReopened
from services.leads.domain.contact import Contact, describe
from services.leads.domain.identity import Key
from services.leads.domain.rules import Rules
from services.leads.errors import Refused, Unknown
from services.leads.store import interactions, leads, merges
from services.leads.store.merges import Merge
from services.leads.usecases import announce
from services.leads.usecases.desk import Desk, lay_out
from services.leads.usecases.entry import asked_again

if TYPE_CHECKING:
    from services.runtime.work import Work


async def unmerge_contacts(merge_id: UUID, work: "Work", rules: Rules, *, by: str) -> Merge:
    """Undo a merge exactly. Raises Unknown, or Refused when a later merge stands in the way.

    Identities and leads go back, the absorbed contact is as it was, the survivor as if only its own
    interactions had been; what was logged since the merge stays with the survivor.
    """
    merge = await merges.read(work.connection, merge_id)
    if merge is None:
        raise Unknown("merge", merge_id)
    desk = await lay_out(work.connection, work.now, (merge.survivor_id, merge.absorbed_id))
    await _check(merge_id, work)
    survivor = desk.contacts[merge.survivor_id]
    absorbed = desk.contacts[merge.absorbed_id]
    _part(desk, merge, survivor, absorbed)
    await _retell(work, rules, merge, survivor)
    moved = await leads.move(work.connection, survivor.id, absorbed.id, merge.leads)
    work.emit(ContactUnmerged(contact_id=survivor.id, absorbed_id=absorbed.id, leads=list(moved)))
    for contact in (survivor, absorbed):
        announce.contact_changed(contact, desk, work, cause=work.cause, correlation=work.cause.correlation)
    await _reopen(desk, merge, work)
    await merges.mark_undone(work.connection, merge, work.now, by)
    await desk.flush()
    names = (merge.id, survivor.id, absorbed.id)
    work.note("undid a merge: two contacts stand on their own again", names=names)
    return merge


async def _check(merge_id: UUID, work: "Work") -> None:
    """With the contacts locked, the merge must stand and be the survivor's latest."""
    merge = await merges.read(work.connection, merge_id)
    if merge is None or merge.undone_at is not None:
        raise Refused(f"Merge {merge_id} was undone already.", remedy="There is nothing to do.")
    if later := await merges.later(work.connection, merge):
        raise Refused(
            f"The contact went through a later merge, {later}.",
            remedy=f"Undo merge {later} first.",
        )


def _part(desk: Desk, merge: Merge, survivor: Contact, absorbed: Contact) -> None:
    """Give the identities back; what the survivor learnt since stays."""
    back: list[Key] = [key for key in merge.keys if key in survivor.identities]
    for key in back:
        absorbed.identities[key] = survivor.identities.pop(key)
    desk.give(back, absorbed.id)
    absorbed.merged_into = None


async def _retell(work: "Work", rules: Rules, merge: Merge, survivor: Contact) -> None:
    """Describe the survivor as before, then let it learn again what it was told since."""
    before = merge.portrait
    survivor.name, survivor.language = before["name"], before["language"]
    survivor.zone = before["zone"]
    survivor.consents = tuple(before["consents"])
    survivor.fields = before["fields"]
    for row in await interactions.since(work.connection, survivor.id, merge.last):
        describe(survivor, rules.sighting(asked_again(row)))


async def _reopen(desk: Desk, merge: Merge, work: "Work") -> None:
    """Open the lead that ended, unless its contact has another open one by now."""
    if merge.ended_lead is None or merge.kept_lead is None:
        return
    connection = work.connection
    ended = await leads.read(connection, merge.ended_lead, lock=True)
    if ended is None or ended.merged_into != merge.kept_lead:
        return
    if await leads.open_of(connection, [ended.contact_id]):
        return
    ended.status, ended.merged_into = "open", None
    await leads.settle(connection, ended, work.now)
    await leads.recount(connection, merge.kept_lead)
    await desk.relieve(ended.owner, leads=-1)
    names = (ended.id, merge.kept_lead)
    did = "the lead stands on its own again: the merge was undone"
    work.note(did, names=names, correlation=ended.correlation)
    reopened = LeadReopened(contact_id=ended.contact_id, lead_id=ended.id, from_lead_id=merge.kept_lead)
    work.emit(reopened, correlation=ended.correlation)
