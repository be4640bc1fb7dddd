"""Interactions: the permanent guard against publishing one touch twice."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from services.runtime.database import Connection

# Serialises whoever looks contents up and writes them: two transactions must not both find nothing.
_CONTENTS_LOCK = 7_204_201
_COLUMNS = (
    "interaction_id, delivery_id, place, channel, kind, external_id, message_id, content,"
    " received_at, revision, digest"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One interaction. `place` is its position in its delivery, `digest` that of the fact."""

    interaction_id: UUID
    delivery_id: str
    place: int
    channel: str
    kind: str
    external_id: str | None
    message_id: str | None
    content: str | None
    received_at: datetime
    revision: int
    digest: bytes


async def insert(connection: "Connection", rows: Iterable[Row]) -> set[UUID]:
    """Write those that are new, and say which they were."""
    once: dict[UUID, Row] = {}
    for row in rows:
        once.setdefault(row.interaction_id, row)
    if not once:
        return set()
    found = await connection.fetch(
        f"""
        INSERT INTO interactions ({_COLUMNS})
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::text[], $5::text[],
            $6::text[], $7::text[], $8::text[], $9::timestamptz[], $10::int[], $11::bytea[])
        ON CONFLICT (interaction_id) DO NOTHING RETURNING interaction_id
        """,
        *zip(*(astuple(row) for _, row in sorted(once.items())), strict=True),
    )
    return {row["interaction_id"] for row in found}


async def correct(connection: "Connection", interaction_id: UUID, revision: int, digest: bytes) -> None:
    """A later parse gave another fact."""
    await connection.execute(
        "UPDATE interactions SET revision = $2, digest = $3 WHERE interaction_id = $1",
        interaction_id,
        revision,
        digest,
    )


async def of_contents(
    connection: "Connection",
    contents: Sequence[str],
    first: datetime,
    last: datetime,
    window: timedelta,
) -> list[Row]:
    """Interactions with these contents received around the time from `first` to `last`.

    Until the transaction ends nobody else gets an answer.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _CONTENTS_LOCK)
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM interactions WHERE content = ANY($1::text[])"
        " AND received_at BETWEEN $2 AND $3",
        list(contents),
        first - window,
        last + window,
    )
    return [Row(**row) for row in rows]


async def of_delivery(connection: "Connection", delivery_id: str) -> list[Row]:
    """The interactions that were first found in a delivery."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM interactions WHERE delivery_id = $1 ORDER BY place", delivery_id
    )
    return [Row(**row) for row in rows]


async def find(connection: "Connection", interaction_id: UUID) -> Row | None:
    """One interaction."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM interactions WHERE interaction_id = $1", interaction_id
    )
    return Row(**row) if row else None


async def other_names(connection: "Connection", name: str) -> set[str]:
    """Ids that belong to the same interactions as a vendor's id, a Message-ID or an id of ours."""
    rows = await connection.fetch(
        """
        SELECT interaction_id::text, delivery_id, external_id, message_id FROM interactions
        WHERE external_id = $1 OR message_id = $1 OR delivery_id = $1
            OR interaction_id::text = lower($1)
        LIMIT 100
        """,
        name.strip().strip("<>"),
    )
    return {value for row in rows for value in row.values() if value}
