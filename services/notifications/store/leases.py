"""Messages that were begun and not settled, and who began them."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from services.runtime.database import Connection


async def expired(
    connection: "Connection", now: datetime, own: Collection[UUID], heard: Collection[UUID], most: int
) -> list[UUID]:
    """Messages whose sender has gone silent, none of the `heard`; `own` are in this process's hands."""
    rows = await connection.fetch(
        "SELECT id FROM messages WHERE state = 'sending' AND lease_until < $1"
        " AND NOT id = ANY($2::uuid[]) AND NOT lease_owner = ANY($3::uuid[])"
        " ORDER BY lease_until LIMIT $4",
        now,
        list(own),
        list(heard),
        most,
    )
    return [row["id"] for row in rows]


async def unsettled(connection: "Connection", ids: Collection[UUID]) -> set[UUID]:
    """Those of the messages that were given up or wait to be repeated; nothing is locked."""
    rows = await connection.fetch(
        "SELECT id FROM messages WHERE id = ANY($1::uuid[]) AND state IN ('queued', 'unknown')", list(ids)
    )
    return {row["id"] for row in rows}


async def held_by(connection: "Connection", owner: UUID) -> list[tuple[UUID, int]]:
    """Messages that this sender has begun and not settled, each with the number of its attempt."""
    rows = await connection.fetch(
        "SELECT id, attempts FROM messages WHERE state = 'sending' AND lease_owner = $1 ORDER BY id", owner
    )
    return [(row["id"], row["attempts"]) for row in rows]
