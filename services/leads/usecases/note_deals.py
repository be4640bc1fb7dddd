"""Note how the deals of leads stand: touches go on with a qualified lead until its deal is closed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from contracts.deals import DealMoved
from services.leads.store import leads

if TYPE_CHECKING:
    from services.runtime.work import Work


async def note_deals(moves: Sequence[DealMoved], work: "Work") -> None:
    """Remember whose deals were closed, or are open again."""
    closed = {move.lead_id: move.status != "open" for move in moves}
    await leads.note_deals(
        work.connection,
        [lead for lead, is_closed in closed.items() if is_closed],
        [lead for lead, is_closed in closed.items() if not is_closed],
    )
