"""Leads: the open one of a contact, and the list people work from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from asyncpg import Record

from services.leads.domain.lead import Lead, Status
from services.leads.store.rowset import Rowset

if TYPE_CHECKING:
    from services.runtime.database import Connection

_ROWS = Rowset(
    {
        "id": "uuid",
        "contact_id": "uuid",
        "interaction_id": "uuid",
        "channel": "text",
        "medium": "text",
        "title": "text",
        "captured_at": "timestamptz",
        "touched_at": "timestamptz",
        "correlation": "text",
        "fields": "jsonb",
        "points": "jsonb",
        "owner": "text",
        "status": "text",
        "merged_into": "uuid",
    }
)
_TOUCHED = Rowset({"id": "uuid", "points": "jsonb", "score": "int", "touched_at": "timestamptz"})
_COLUMNS = _ROWS.columns
_SHOWN = f"{_COLUMNS}, score, settled_at, reason"


@dataclass(frozen=True, slots=True)
class Page:
    """Where a list goes on: after the lead captured at this time, of this id."""

    captured_at: datetime
    id: UUID


async def open_of(connection: "Connection", contacts: Iterable[UUID]) -> dict[UUID, Lead]:
    """The open lead of each contact that has one. The contacts must be locked."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM leads WHERE status = 'open' AND contact_id = ANY($1::uuid[])",
        list(contacts),
    )
    return {row["contact_id"]: _lead(row) for row in rows}


async def going_on_of(connection: "Connection", contacts: Iterable[UUID]) -> dict[UUID, Lead]:
    """The lead that each contact's touches belong to now, if there is one. The contacts must be locked.

    It is the open one, else the latest qualified one whose deal is not closed.
    """
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM leads WHERE contact_id = ANY($1::uuid[]) AND (status = 'open' OR"
        " (status = 'qualified' AND NOT EXISTS (SELECT FROM closed_deals WHERE lead_id = leads.id)))",
        list(contacts),
    )
    found = sorted((_lead(row) for row in rows), key=lambda lead: (lead.status == "open", lead.age))
    return {lead.contact_id: lead for lead in found}


async def note_deals(connection: "Connection", closed: Iterable[UUID], opened: Iterable[UUID]) -> None:
    """Remember whose deals are closed, and forget it of those that are open again."""
    await connection.execute(
        "INSERT INTO closed_deals (lead_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING",
        sorted(closed),
    )
    await connection.execute("DELETE FROM closed_deals WHERE lead_id = ANY($1::uuid[])", sorted(opened))


async def read(connection: "Connection", lead_id: UUID, *, lock: bool = False) -> Lead | None:
    """One lead; with `lock` held until the end of the transaction (its contact comes first)."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM leads WHERE id = $1{' FOR NO KEY UPDATE' if lock else ''}", lead_id
    )
    return _lead(row) if row else None


def _lead(row: Record) -> Lead:
    return Lead(**{name: value for name, value in row.items() if name != "score"})


async def insert(connection: "Connection", leads: Sequence[Lead]) -> None:
    """Add new leads."""
    rows = Rowset({**_ROWS.types, "score": "int"})
    await connection.execute(
        f"INSERT INTO leads ({rows.columns}) SELECT {rows.columns} FROM {rows.source()}",
        rows.argument([{name: getattr(lead, name) for name in rows.types} for lead in leads]),
    )


async def update(connection: "Connection", leads: Sequence[Lead]) -> None:
    """Write what touches changed."""
    await connection.execute(
        "UPDATE leads SET points = new.points, score = new.score, touched_at = new.touched_at"
        f" FROM {_TOUCHED.source()} WHERE leads.id = new.id",
        _TOUCHED.argument([{name: getattr(lead, name) for name in _TOUCHED.types} for lead in leads]),
    )


async def settle(
    connection: "Connection",
    lead: Lead,
    now: datetime,
    *,
    reason: str | None = None,
) -> None:
    """Write a lead's status; one that is not open any more is settled."""
    await connection.execute(
        "UPDATE leads SET status = $2, merged_into = $3, reason = $4, settled_at = $5 WHERE id = $1",
        lead.id,
        lead.status,
        lead.merged_into,
        reason,
        None if lead.status == "open" else now,
    )


async def move(
    connection: "Connection", giver: UUID, taker: UUID, only: Sequence[UUID] | None = None
) -> tuple[UUID, ...]:
    """Give the taker all of the giver's leads, or only some; returns which moved."""
    rows = await connection.fetch(
        "UPDATE leads SET contact_id = $2 WHERE contact_id = $1"
        " AND ($3::uuid[] IS NULL OR id = ANY($3)) RETURNING id",
        giver,
        taker,
        only,
    )
    return tuple(sorted(row["id"] for row in rows))


async def recount(connection: "Connection", lead_id: UUID) -> None:
    """Work out a lead's points and last touch again from the interactions that are its own."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE own AS (
            SELECT $1::uuid AS id
            UNION ALL
            SELECT leads.id FROM leads JOIN own ON leads.merged_into = own.id
        )
        SELECT points, received_at FROM interactions JOIN own ON lead_id = own.id ORDER BY n
        """,
        lead_id,
    )
    if rows:
        points = {name: value for row in reversed(rows) for name, value in row["points"].items()}
        await connection.execute(
            "UPDATE leads SET points = $2, score = $3, touched_at = $4 WHERE id = $1",
            lead_id,
            points,
            sum(points.values()),
            max(row["received_at"] for row in rows),
        )


async def shown(connection: "Connection", lead_id: UUID) -> Record | None:
    """One lead as the list shows it."""
    return await connection.fetchrow(f"SELECT {_SHOWN} FROM leads WHERE id = $1", lead_id)


async def listed(
    connection: "Connection",
    *,
    status: Status | None,
    owner: str | None,
    after: Page | None,
    limit: int,
) -> list[Record]:
    """Leads from the newest to the oldest, from `after` on."""
    asked: list[Any] = [limit]
    conditions = ["true"]
    for column, value in (("status", status), ("owner", owner)):
        if value is not None:
            asked.append(value)
            conditions.append(f"{column} = ${len(asked)}")
    if after is not None:
        asked += [after.captured_at, after.id]
        conditions.append(f"(captured_at, id) < (${len(asked) - 1}, ${len(asked)})")
    return await connection.fetch(
        f"SELECT {_SHOWN} FROM leads"
        f" WHERE {' AND '.join(conditions)} ORDER BY captured_at DESC, id DESC LIMIT $1",
        *asked,
    )
