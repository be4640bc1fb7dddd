"""What a service did, when, and under which names a person may ask for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the journal."""

    at: datetime
    correlation: str
    event_id: str
    did: str
    names: tuple[str, ...]


async def write(connection: "Connection", notes: Sequence[Note]) -> None:
    """Append lines in the transaction of what they tell about."""
    if not notes:
        return
    await connection.execute(
        """
        INSERT INTO journal (at, correlation, event_id, did, names)
        SELECT at, correlation, event_id, did, names
        FROM ROWS FROM (json_to_recordset($1::json) AS
            (at timestamptz, correlation text, event_id text, did text, names text[]))
            WITH ORDINALITY AS new (at, correlation, event_id, did, names, place)
        ORDER BY place
        """,
        orjson.dumps(notes).decode(),
    )


async def correlations_of(connection: "Connection", names: Iterable[str]) -> set[str]:
    """The enquiries in which any of the names occurs."""
    asked = list(names)
    rows = await connection.fetch(
        "SELECT DISTINCT correlation FROM journal WHERE names && $1::text[] OR correlation = ANY($1::text[])",
        asked,
    )
    return {row["correlation"] for row in rows}


async def names_in(connection: "Connection", correlations: Iterable[str]) -> set[str]:
    """Every name that occurs in the enquiries."""
    rows = await connection.fetch(
        "SELECT DISTINCT unnest(names) AS name FROM journal WHERE correlation = ANY($1::text[])",
        list(correlations),
    )
    return {row["name"] for row in rows}


async def entries(connection: "Connection", correlations: Iterable[str]) -> list[dict[str, Any]]:
    """The lines of the enquiries, oldest first."""
    rows = await connection.fetch(
        "SELECT at, correlation, event_id, did, names FROM journal"
        " WHERE correlation = ANY($1::text[]) ORDER BY at, id",
        list(correlations),
    )
    return [dict(row) for row in rows]


async def forget_before(connection: "Connection", before: datetime) -> int:
    """Delete lines older than `before`."""
    status: str = await connection.execute("DELETE FROM journal WHERE at < $1", before)
    return int(status.rsplit(" ", 1)[1])
