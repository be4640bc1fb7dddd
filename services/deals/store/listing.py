"""What people and other services ask: pages of deals, one with its history, counts, other names."""

from typing import TYPE_CHECKING
from uuid import UUID

from services.deals.domain.deal import Deal
from services.deals.store.deals import HistoryLine, deal_of
from services.deals.store.filters import Row, behind, where

if TYPE_CHECKING:
    from services.runtime.database import Connection

_OF_CONTACT = "contact_id = coalesce((SELECT contact_id FROM contact_aliases WHERE absorbed_id = {0}), {0})"


async def page(
    connection: "Connection",
    *,
    funnel: str | None,
    stage: str | None,
    owner: str | None,
    status: str | None,
    contact_id: UUID | None,
    after: Row | None,
    limit: int,
) -> list[Deal]:
    """Deals, the newest first, behind the one that `after` names; an absorbed contact counts too."""
    wanted, values = where(
        {
            "funnel = {0}": funnel,
            "stage = {0}": stage,
            "owner = {0}": owner,
            "status = {0}": status,
            _OF_CONTACT: contact_id,
        }
    )
    older = behind("opened_at, id", "<", after, values)
    rows = await connection.fetch(
        f"SELECT * FROM deals WHERE {wanted} AND {older}"
        f" ORDER BY opened_at DESC, id DESC LIMIT ${len(values) + 1}",
        *values,
        limit,
    )
    return [deal_of(row) for row in rows]


async def find(connection: "Connection", deal_id: UUID) -> Deal | None:
    """One deal."""
    row = await connection.fetchrow("SELECT * FROM deals WHERE id = $1", deal_id)
    return deal_of(row) if row else None


async def history(connection: "Connection", deal_id: UUID) -> list[HistoryLine]:
    """The stages a deal went through, in order."""
    rows = await connection.fetch(
        "SELECT deal_id, entry, from_funnel, from_stage, to_funnel, to_stage, status, at, reason"
        " FROM stage_history WHERE deal_id = $1 ORDER BY entry",
        deal_id,
    )
    return [HistoryLine(*row.values()) for row in rows]


async def in_flight(connection: "Connection") -> dict[str, dict[str, int]]:
    """How many open deals stand in each stage of each funnel that has any."""
    rows = await connection.fetch(
        "SELECT funnel, stage, count(*) AS deals FROM deals WHERE status = 'open'"
        " GROUP BY funnel, stage ORDER BY funnel, stage"
    )
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        counts.setdefault(row["funnel"], {})[row["stage"]] = row["deals"]
    return counts


async def other_names(connection: "Connection", name: UUID) -> set[str]:
    """The deal and the lead that a deal, lead or task id stands for."""
    rows = await connection.fetch(
        "SELECT id, lead_id FROM deals WHERE id = $1 OR lead_id = $1"
        " OR id = (SELECT deal_id FROM tasks WHERE id = $1)",
        name,
    )
    return {str(value) for row in rows for value in row.values()}
