"""Deals and their stage history: locked, read and written in sets."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.deals.domain.deal import Deal, Lead

if TYPE_CHECKING:
    import asyncpg

    from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One entry of a deal into a stage, or its end where it stood."""

    deal_id: UUID
    entry: int
    from_funnel: str | None
    from_stage: str | None
    to_funnel: str
    to_stage: str
    status: str
    at: datetime
    reason: str


def _lead_row(lead: Lead) -> dict[str, Any]:
    return {
        "contact_id": str(lead.contact_id),
        "channel": lead.channel,
        "medium": lead.medium,
        "title": lead.title,
        "score": lead.score,
        "owner": lead.owner,
        "fields": dict(lead.fields),
        "captured_at": lead.captured_at.isoformat(),
    }


def deal_of(row: "asyncpg.Record") -> Deal:
    """A deal as its row tells."""
    values = dict(row)
    lead = dict(values.pop("lead"), id=values.pop("lead_id"))
    lead["contact_id"] = UUID(lead["contact_id"])
    lead["captured_at"] = datetime.fromisoformat(lead["captured_at"])
    return Deal(lead=Lead(**lead), **values)


async def lock(connection: "Connection", deal_ids: Collection[UUID]) -> list[Deal]:
    """The deals with these ids, held until the transaction ends, in the order all lock them."""
    rows = await connection.fetch(
        "SELECT * FROM deals WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", list(deal_ids)
    )
    return [deal_of(row) for row in rows]


async def open_of_contacts(connection: "Connection", contact_ids: Collection[UUID]) -> list[UUID]:
    """The open deals of these contacts."""
    rows = await connection.fetch(
        "SELECT id FROM deals WHERE contact_id = ANY($1::uuid[]) AND status = 'open'",
        list(contact_ids),
    )
    return [row["id"] for row in rows]


async def of_leads(connection: "Connection", lead_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The deal of each lead that has one."""
    rows = await connection.fetch(
        "SELECT lead_id, id FROM deals WHERE lead_id = ANY($1::uuid[])", list(lead_ids)
    )
    return {row["lead_id"]: row["id"] for row in rows}


async def going_on_for(connection: "Connection", lead_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """For each lead the deal that goes on for it: its own, or the one that was merged into."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE chain AS (
            SELECT lead_id, id, merged_into FROM deals WHERE lead_id = ANY($1::uuid[])
            UNION
            SELECT chain.lead_id, deals.id, deals.merged_into
            FROM chain JOIN deals ON deals.id = chain.merged_into
        )
        SELECT lead_id, id FROM chain WHERE merged_into IS NULL
        """,
        list(lead_ids),
    )
    return {row["lead_id"]: row["id"] for row in rows}


_COLUMNS = {
    "id": "uuid",
    "lead_id": "uuid",
    "contact_id": "uuid",
    "funnel": "text",
    "stage": "text",
    "title": "text",
    "amount": "numeric",
    "currency": "text",
    "owner": "text",
    "status": "text",
    "version": "integer",
    "entry": "integer",
    "armed": "smallint",
    "lead": "jsonb",
    "correlation": "text",
    "opened_at": "timestamptz",
    "entered_at": "timestamptz",
    "closed_at": "timestamptz",
    "merged_into": "uuid",
}
_ARRAYS = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_COLUMNS.values(), start=1))
_INSERT = f"INSERT INTO deals ({', '.join(_COLUMNS)}) SELECT * FROM unnest({_ARRAYS})"


def _value(deal: Deal, column: str) -> Any:
    if column == "lead_id":
        return deal.lead.id
    return _lead_row(deal.lead) if column == "lead" else getattr(deal, column)


async def insert(connection: "Connection", deals: Collection[Deal]) -> None:
    """Write new deals."""
    if deals:
        columns = ([_value(deal, column) for deal in deals] for column in _COLUMNS)
        await connection.execute(_INSERT, *columns)


async def update(connection: "Connection", deals: Collection[Deal]) -> None:
    """Write what moves change; the contact is left alone, see `repoint`."""
    if not deals:
        return
    await connection.execute(
        """
        UPDATE deals SET funnel = new.funnel, stage = new.stage, status = new.status,
            version = new.version, entry = new.entry, armed = new.armed,
            entered_at = new.entered_at, closed_at = new.closed_at, merged_into = new.merged_into
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::integer[],
                    $7::smallint[], $8::timestamptz[], $9::timestamptz[], $10::uuid[])
             AS new (id, funnel, stage, status, version, entry, armed, entered_at, closed_at,
                     merged_into)
        WHERE deals.id = new.id
        """,
        *zip(*(_moving(deal) for deal in deals), strict=True),
    )


def _moving(deal: Deal) -> tuple[Any, ...]:
    return (
        deal.id, deal.funnel, deal.stage, deal.status, deal.version, deal.entry, deal.armed,
        deal.entered_at, deal.closed_at, deal.merged_into,
    )  # fmt: skip


async def repoint(connection: "Connection", survivors: Mapping[UUID, UUID]) -> None:
    """Give every deal of an absorbed contact, closed ones too, to the one that goes on."""
    await connection.execute(
        """
        UPDATE deals SET contact_id = merge.contact_id
        FROM unnest($1::uuid[], $2::uuid[]) AS merge (absorbed_id, contact_id)
        WHERE deals.contact_id = merge.absorbed_id
        """,
        list(survivors),
        list(survivors.values()),
    )


async def give_back(connection: "Connection", contact_id: UUID, lead_ids: Collection[UUID]) -> list[UUID]:
    """The deals of these leads are the contact's again; which they are."""
    rows = await connection.fetch(
        "UPDATE deals SET contact_id = $1 WHERE id IN"
        " (SELECT id FROM deals WHERE lead_id = ANY($2::uuid[]) ORDER BY id FOR UPDATE) RETURNING id",
        contact_id,
        list(lead_ids),
    )
    return sorted(row["id"] for row in rows)


async def add_history(connection: "Connection", lines: Iterable[HistoryLine]) -> None:
    """Append to the history of deals."""
    rows = [
        (
            line.deal_id, line.entry, line.from_funnel, line.from_stage, line.to_funnel,
            line.to_stage, line.status, line.at, line.reason,
        )
        for line in lines
    ]  # fmt: skip
    if rows:
        await connection.execute(
            """
            INSERT INTO stage_history (deal_id, entry, from_funnel, from_stage, to_funnel,
                                       to_stage, status, at, reason)
            SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[],
                                 $6::text[], $7::text[], $8::timestamptz[], $9::text[])
            """,
            *zip(*rows, strict=True),
        )
