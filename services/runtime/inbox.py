"""Which events a group has already dealt with: the guard against anything published twice."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.runtime.database import Connection


class Inbox:
    """Rows are written when an event is applied or discarded, never when it is parked."""

    def __init__(self, group: str) -> None:
        self.group = group

    async def seen(self, connection: "Connection", event_ids: Sequence[str]) -> set[str]:
        """Those of the events that were dealt with before."""
        rows = await connection.fetch(
            "SELECT event_id FROM inbox WHERE grp = $1 AND event_id = ANY($2::text[])",
            self.group,
            event_ids,
        )
        return {row["event_id"] for row in rows}

    async def mark(self, connection: "Connection", event_ids: Sequence[str]) -> None:
        """Record that the events are dealt with, in the transaction of their effect."""
        await connection.execute(
            "INSERT INTO inbox (grp, event_id) SELECT $1, unnest($2::text[])", self.group, event_ids
        )


async def forget_seen(connection: "Connection", before: datetime) -> int:
    """Delete rows older than `before`, which must lie before anything still on the bus."""
    status: str = await connection.execute("DELETE FROM inbox WHERE seen_at < $1", before)
    return int(status.rsplit(" ", 1)[1])


class NoInbox(Inbox):
    """For streams whose handler knows repeats by itself."""

    async def seen(self, connection: "Connection", event_ids: Sequence[str]) -> set[str]:
        """Nothing is remembered."""
        return set()

    async def mark(self, connection: "Connection", event_ids: Sequence[str]) -> None:
        """Nothing is written."""
