"""Take a merge of contacts back: each has its own deals again."""

from typing import TYPE_CHECKING

from contracts.leads import ContactUnmerged
from services.deals.store import contacts, deals

if TYPE_CHECKING:
    from services.runtime.cause import Cause
    from services.runtime.work import Work


async def separate(unmerged: ContactUnmerged, work: "Work", cause: "Cause") -> None:
    """The deals of the leads that go back do so too; what came since the merge stays where it is."""
    await contacts.hold_merges(work.connection, alone=True)
    await contacts.set_free(work.connection, unmerged.absorbed_id)
    back = await deals.give_back(work.connection, unmerged.absorbed_id, unmerged.leads)
    names = (unmerged.contact_id, unmerged.absorbed_id, *back)
    work.note("deals follow the undoing of a merge", names=names, cause=cause)
