"""How many deliveries came from one sender, or to one channel, in one span of time."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from services.runtime.database import Connection


class Span(NamedTuple):
    """One count: of a sender (a keyed hash), or with an empty sender of the whole channel."""

    channel: str
    sender: str
    begins_at: datetime
    ends_at: datetime


async def add(connection: "Connection", more: Mapping[Span, int], forget: datetime) -> dict[Span, int]:
    """Add to these counts; how many there were before. Spans that ended before `forget` are deleted.

    Nobody else adds to them until the end of the transaction.
    """
    rows = await connection.fetch(
        """
        INSERT INTO guard_counts AS old (channel, sender, begins_at, ends_at, seen)
        SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::int[])
        ON CONFLICT (channel, sender, begins_at, ends_at) DO UPDATE SET seen = old.seen + excluded.seen
        RETURNING channel, sender, begins_at, ends_at, seen, xmax = 0 AS fresh
        """,
        *zip(*((*span, more[span]) for span in sorted(more)), strict=True),
    )
    if any(row["fresh"] for row in rows):
        await connection.execute("DELETE FROM guard_counts WHERE ends_at < $1", forget)
    found = {}
    for row in rows:
        span = Span(row["channel"], row["sender"], row["begins_at"], row["ends_at"])
        found[span] = row["seen"] - more[span]
    return found
