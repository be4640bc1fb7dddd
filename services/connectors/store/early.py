"""Receipts that came before we had written down which message they are of."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Early:
    """A receipt that waits, with the cause of its publication."""

    receipt_id: UUID
    channel: str
    type: str
    fact: dict[str, Any]
    cause: str
    correlation: str
    traceparent: str | None
    came_at: datetime


_COLUMNS = ", ".join(column.name for column in fields(Early))


async def keep(connection: "Connection", receipts: Iterable[Early]) -> None:
    """Let them wait."""
    rows = [tuple(getattr(one, column.name) for column in fields(one)) for one in receipts]
    if rows:
        await connection.executemany(
            f"INSERT INTO early_receipts ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
            " ON CONFLICT DO NOTHING",
            rows,
        )


async def oldest(connection: "Connection", most: int) -> list[Early]:
    """Those that wait, in the order they came, held."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM early_receipts ORDER BY came_at, receipt_id LIMIT $1 FOR UPDATE SKIP LOCKED",
        most,
    )
    return [Early(**row) for row in rows]


async def waits(connection: "Connection", receipt_id: UUID) -> bool:
    """Whether this one waits."""
    found = await connection.fetchval("SELECT 1 FROM early_receipts WHERE receipt_id = $1", receipt_id)
    return found is not None


async def release(connection: "Connection", receipts: list[UUID]) -> None:
    """They wait no longer."""
    await connection.execute("DELETE FROM early_receipts WHERE receipt_id = ANY($1::uuid[])", receipts)
