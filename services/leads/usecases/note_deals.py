"""Note how the deals of leads stand: touches go on with a qualified lead until its deal is closed.

Whoever calls is shown with their open ones.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from contracts.deals import DealMoved, DealOpened
from services.leads.store import deals, leads

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
    await deals.moved(work.connection, moves)


async def note_new_deals(opened: Sequence[DealOpened], work: "Work") -> None:
    """Remember deals as they were opened."""
    await deals.opened(work.connection, opened)
