"""Interactions as they were logged: who, when, what, and the delivery they came in."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from asyncpg import Record

from services.leads.store.rowset import Rowset

if TYPE_CHECKING:
    from services.runtime.database import Connection


@dataclass(slots=True)
class Logged:
    """One interaction as it is kept. `points` is what it earned its lead."""

    id: UUID
    revision: int
    contact_id: UUID
    lead_id: UUID | None
    correlation: str
    delivery_id: str
    channel: str
    kind: str
    medium: str
    external_id: str | None
    conversation: str
    occurred_at: datetime
    received_at: datetime
    title: str | None
    text: str
    sender: dict[str, Any]
    fields: dict[str, Any]
    attachments: list[Any]
    consents: list[Any]
    message_id: str | None
    in_reply_to: list[str]
    points: dict[str, int]


_ODD_TYPES = {
    **dict.fromkeys(("id", "contact_id", "lead_id"), "uuid"),
    **dict.fromkeys(("occurred_at", "received_at"), "timestamptz"),
    **dict.fromkeys(("sender", "fields", "attachments", "consents", "points"), "jsonb"),
    "revision": "int",
    "in_reply_to": "text[]",
}
_ROWS = Rowset({column.name: _ODD_TYPES.get(column.name, "text") for column in fields(Logged)})


@dataclass(frozen=True, slots=True)
class Known:
    """An interaction that was logged before."""

    revision: int
    contact_id: UUID
    lead_id: UUID | None


async def known(connection: "Connection", ids: Sequence[UUID]) -> dict[UUID, Known]:
    """Which of these interactions were logged before."""
    rows = await connection.fetch(
        "SELECT id, revision, contact_id, lead_id FROM interactions WHERE id = ANY($1::uuid[])",
        list(ids),
    )
    return {row["id"]: Known(row["revision"], row["contact_id"], row["lead_id"]) for row in rows}


async def insert(connection: "Connection", logged: Sequence[Logged]) -> None:
    """Log interactions, in this order."""
    await connection.execute(
        f"INSERT INTO interactions ({_ROWS.columns}) SELECT {_ROWS.columns} FROM {_ROWS.source()}",
        _ROWS.argument(logged),
    )


async def correct(connection: "Connection", row: Logged) -> None:
    """Replace what an interaction says by a later reading; whose it is and what it earned stay."""
    await connection.execute(
        """
        UPDATE interactions SET revision = $2, title = $3, text = $4, sender = $5, fields = $6,
            attachments = $7, consents = $8
        WHERE id = $1
        """,
        row.id, row.revision, row.title, row.text, row.sender, row.fields,
        row.attachments, row.consents,
    )  # fmt: skip


async def last_of(connection: "Connection", contact_id: UUID) -> int:
    """The place in the log of the contact's latest interaction; 0 when there is none."""
    last: int = await connection.fetchval(
        "SELECT coalesce(max(n), 0) FROM interactions WHERE contact_id = $1", contact_id
    )
    return last


async def since(connection: "Connection", contact_id: UUID, last: int) -> list[Record]:
    """The contact's interactions logged after a place in the log, in their order."""
    return await connection.fetch(
        f"SELECT {_ROWS.columns} FROM interactions WHERE contact_id = $1 AND n > $2 ORDER BY n",
        contact_id,
        last,
    )


async def names_of(connection: "Connection", interaction_or_lead: UUID) -> set[str]:
    """The interactions, leads and deliveries that go with this interaction or lead."""
    rows = await connection.fetch(
        "SELECT id, lead_id, delivery_id FROM interactions WHERE id = $1"
        " UNION SELECT id, lead_id, delivery_id FROM interactions WHERE lead_id = $1 LIMIT 200",
        interaction_or_lead,
    )
    return {str(value) for row in rows for value in row.values() if value}
