"""What is known of whoever calls. Nothing is locked: a call must not wait, nor make others wait."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from asyncpg import Record

from services.leads.domain.identity import Key

if TYPE_CHECKING:
    from services.runtime.database import Connection


async def contact_of(connection: "Connection", keys: Sequence[Key]) -> Record | None:
    """The oldest of the contacts that hold these identities."""
    return await connection.fetchrow(
        "SELECT c.id, c.name FROM identities i JOIN contacts c ON c.id = i.contact_id"
        " JOIN unnest($1::text[], $2::text[]) AS asked (value, kind)"
        " ON i.value = asked.value AND i.kind = asked.kind"
        " ORDER BY c.first_seen_at, c.id LIMIT 1",
        [key.value for key in keys],
        [key.kind for key in keys],
    )


async def going_on(connection: "Connection", contact_id: UUID, limit: int, letters: int) -> list[Record]:
    """The contact's enquiries that go on, the latest first, with the beginning of what was written."""
    return await connection.fetch(
        """
        SELECT id AS lead_id, title, status, owner, captured_at, fields,
            (SELECT left(text, $3) FROM interactions WHERE id = leads.interaction_id) AS text
        FROM leads WHERE contact_id = $1 AND (status = 'open' OR (status = 'qualified'
            AND NOT EXISTS (SELECT FROM closed_deals WHERE lead_id = leads.id)))
        ORDER BY captured_at DESC, id DESC LIMIT $2
        """,
        contact_id,
        limit,
        letters,
    )


async def open_deals(connection: "Connection", contact_id: UUID, limit: int) -> list[Record]:
    """The contact's open deals, the one that moved last first."""
    return await connection.fetch(
        """
        SELECT deal.id AS deal_id, lead_id, coalesce(deal.title, lead.title) AS title, funnel, stage,
            amount, currency, coalesce(deal.owner, lead.owner) AS owner
        FROM known_deals AS deal JOIN leads AS lead ON lead.id = deal.lead_id
        WHERE lead.contact_id = $1 AND deal.status = 'open' ORDER BY at DESC, deal.id LIMIT $2
        """,
        contact_id,
        limit,
    )
