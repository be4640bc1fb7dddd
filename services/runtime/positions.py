"""How far a group has read a stream: a row that moves in the transaction of the effects."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.runtime.database import Connection


class LostPosition(Exception):
    """Somebody else has moved the position: what was read is stale and must be thrown away."""


@dataclass(frozen=True, slots=True)
class Position:
    """The last sequence dealt with, and what identifies the stream it counts in."""

    seq: int
    stream_created: str
    last_event_id: str | None


class Positions:
    """The position of one group in one stream. Moving it is the fence between two readers."""

    def __init__(self, stream: str, group: str) -> None:
        self.stream = stream
        self.group = group

    async def read(self, connection: "Connection") -> Position | None:
        """The position as committed; None before the first start."""
        row = await connection.fetchrow(
            "SELECT seq, stream_created, last_event_id FROM positions WHERE stream = $1 AND grp = $2",
            self.stream,
            self.group,
        )
        return Position(**row) if row else None

    async def begin(self, connection: "Connection", position: Position) -> None:
        """Write the first position, unless another reader just did."""
        await connection.execute(
            "INSERT INTO positions (stream, grp, seq, stream_created, last_event_id)"
            " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            self.stream,
            self.group,
            position.seq,
            position.stream_created,
            position.last_event_id,
        )

    async def move(
        self, connection: "Connection", expected: int, seq: int, last_event_id: str | None
    ) -> None:
        """Compare and set, as the first statement of the transaction. Raises LostPosition."""
        moved = await connection.fetchval(
            "UPDATE positions SET seq = $4, last_event_id = $5, moved_at = clock_timestamp()"
            " WHERE stream = $1 AND grp = $2 AND seq = $3 RETURNING seq",
            self.stream,
            self.group,
            expected,
            seq,
            last_event_id,
        )
        if moved is None:
            raise LostPosition(f"{self.group} no longer stands at {expected} in {self.stream}")

    async def lock(self, connection: "Connection") -> None:
        """Hold the reader off until this transaction ends: for redrive and discard."""
        await connection.fetchval(
            "SELECT seq FROM positions WHERE stream = $1 AND grp = $2 FOR UPDATE",
            self.stream,
            self.group,
        )

    async def count_attempt(self, connection: "Connection", expected: int, seq: int) -> int:
        """Count one attempt at a sequence, committed beforehand; 0 when the position moved on."""
        count: int | None = await connection.fetchval(
            """
            INSERT INTO attempts (stream, grp, seq, count)
            SELECT stream, grp, $4, 1 FROM positions
            WHERE stream = $1 AND grp = $2 AND seq = $3
            ON CONFLICT (stream, grp, seq) DO UPDATE SET count = attempts.count + 1
            RETURNING count
            """,
            self.stream,
            self.group,
            expected,
            seq,
        )
        return count or 0

    async def take_back_attempt(self, connection: "Connection", seq: int) -> None:
        """Count one attempt less: whoever made it lives on."""
        await connection.execute(
            "UPDATE attempts SET count = count - 1 WHERE stream = $1 AND grp = $2 AND seq = $3 AND count > 0",
            self.stream,
            self.group,
            seq,
        )

    async def forget_attempts(self, connection: "Connection", seq: int) -> None:
        """The sequences up to here are dealt with."""
        await connection.execute(
            "DELETE FROM attempts WHERE stream = $1 AND grp = $2 AND seq <= $3",
            self.stream,
            self.group,
            seq,
        )

    async def erased(self, connection: "Connection", first: int, last: int) -> int:
        """How many sequences from `first` to `last` are recorded as erased on purpose."""
        count: int = await connection.fetchval(
            "SELECT count(*) FROM erasures WHERE stream = $1 AND seq BETWEEN $2 AND $3",
            self.stream,
            first,
            last,
        )
        return count


async def skip(
    connection: "Connection", stream: str, group: str, *, to: int, stream_created: str
) -> int | None:
    """Move past what cannot be read any more, on request; where it stood, None if there was no position.

    The stream as it is now is accepted as the one to count in.
    """
    async with connection.transaction():
        stood: int | None = await connection.fetchval(
            "SELECT seq FROM positions WHERE stream = $1 AND grp = $2 FOR UPDATE", stream, group
        )
        await connection.execute(
            "UPDATE positions SET seq = $3, stream_created = $4, last_event_id = NULL, moved_at = now()"
            " WHERE stream = $1 AND grp = $2",
            stream,
            group,
            to,
            stream_created,
        )
    return stood
