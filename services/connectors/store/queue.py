"""The queue of messages that leave: who takes which, in whose order, at what pace over all replicas.

A channel's row of `paces` is what its replicas agree by: it is held while one of them claims, and says
from when on the vendor may be asked again. The database's own clock counts, so that no two disagree.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from asyncpg import Record

from services.connectors.store.sends import COLUMNS, Row

if TYPE_CHECKING:
    from services.runtime.database import Connection

# The first of an address is asked for by its minimum: NOT EXISTS becomes a join, and the plan that was made
# of it for a short queue reads all of a long one for each message.
DUE = f"""
    SELECT {COLUMNS} FROM sends s WHERE channel = $1 AND state = 'queued'
        AND next_try_at <= $2 AND expires_at > $2
        AND place = (SELECT min(e.place) FROM sends e WHERE e.channel = s.channel
            AND e.address = s.address AND e.state IN ('queued', 'sending'))
        AND ($3::timestamptz IS NULL OR NOT EXISTS (SELECT 1 FROM sends e WHERE e.channel = s.channel
            AND e.address = s.address AND e.starts_at > $3))
    ORDER BY s.place LIMIT $4 FOR UPDATE SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """What a channel's vendor allows: seconds between two messages, of all and to one address."""

    between: timedelta
    to_one: timedelta


@dataclass(frozen=True, slots=True)
class Slots:
    """The claim of a channel: the database's time, and when its vendor may be asked next."""

    now: datetime
    free_at: datetime


async def waiting(connection: "Connection") -> list[str]:
    """The channels with queued messages, due or not."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE found AS (
            (SELECT channel FROM sends WHERE state = 'queued' ORDER BY channel LIMIT 1)
            UNION ALL
            SELECT (SELECT channel FROM sends WHERE state = 'queued' AND channel > found.channel
                ORDER BY channel LIMIT 1) FROM found WHERE found.channel IS NOT NULL
        )
        SELECT channel FROM found WHERE channel IS NOT NULL
        """
    )
    return [row["channel"] for row in rows]


async def hold(connection: "Connection", channel: str) -> Slots | None:
    """Keep others from claiming in this channel; None while one of them does."""
    row = await _held(connection, channel)
    if row is None:
        await connection.execute(
            "INSERT INTO paces (channel, free_at) VALUES ($1, '-infinity') ON CONFLICT DO NOTHING", channel
        )
        row = await _held(connection, channel)
    return Slots(row["now"], max(row["now"], row["free_at"])) if row else None


async def _held(connection: "Connection", channel: str) -> Record | None:
    return await connection.fetchrow(
        "SELECT clock_timestamp() AS now, greatest(free_at, 'epoch') AS free_at FROM paces"
        " WHERE channel = $1 FOR UPDATE SKIP LOCKED",
        channel,
    )


async def due(
    connection: "Connection", channel: str, now: datetime, slots: Slots, pace: Pace, most: int
) -> list[Row]:
    """The next messages of a channel, each the first of its address, held."""
    rows = await connection.fetch(
        DUE,
        channel,
        now,
        slots.now - pace.to_one if pace.to_one else None,
        most,
    )
    return [Row(**row) for row in rows]


async def begin(
    connection: "Connection",
    starts: Sequence[tuple[UUID, datetime]],
    owner: UUID,
    now: datetime,
    lease: timedelta,
) -> None:
    """Mark messages as sending, each from its time on."""
    await connection.execute(
        """
        UPDATE sends SET state = 'sending', owner = $3, attempts = attempts + 1, lease_until = $5,
            starts_at = begun.at, first_at = coalesce(first_at, $4)
        FROM unnest($1::uuid[], $2::timestamptz[]) AS begun (id, at) WHERE message_id = begun.id
        """,
        [one for one, _ in starts],
        [at for _, at in starts],
        owner,
        now,
        now + lease,
    )


async def pause(connection: "Connection", channel: str, seconds: float) -> None:
    """The vendor shall not be asked for so long."""
    await connection.execute(
        "INSERT INTO paces AS p (channel, free_at) VALUES ($1, clock_timestamp() + $2) ON CONFLICT (channel)"
        " DO UPDATE SET free_at = greatest(p.free_at, excluded.free_at)",
        channel,
        timedelta(seconds=seconds),
    )


async def take_until(connection: "Connection", channel: str, free_at: datetime) -> None:
    """The vendor may be asked again from then on; the channel is held."""
    await connection.execute("UPDATE paces SET free_at = $2 WHERE channel = $1", channel, free_at)


async def put_off(
    connection: "Connection", message_id: UUID, until: datetime, reason: str, *, in_doubt: bool = False
) -> None:
    """Back into the queue, at its old place. Once in doubt it stays so."""
    await connection.execute(
        "UPDATE sends SET state = 'queued', owner = NULL, lease_until = NULL, next_try_at = $2, reason = $3,"
        " in_doubt = in_doubt OR $4 WHERE message_id = $1",
        message_id,
        until,
        reason,
        in_doubt,
    )


async def settle(
    connection: "Connection",
    message_id: UUID,
    state: str,
    now: datetime,
    *,
    external_id: str | None = None,
    code: str = "",
    reason: str = "",
) -> None:
    """Its end; the text is no longer needed."""
    await connection.execute(
        "UPDATE sends SET state = $2, settled_at = $3, external_id = coalesce($4, external_id), code = $5,"
        " reason = $6, body = '', owner = NULL, lease_until = NULL WHERE message_id = $1",
        message_id,
        state,
        now,
        external_id,
        code,
        reason,
    )


async def abandoned(connection: "Connection", now: datetime, own: Collection[UUID], most: int) -> list[Row]:
    """Messages whose sender did not come back, held. `own` are in our hands."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM sends WHERE state = 'sending' AND lease_until < $1"
        " AND NOT message_id = ANY($2::uuid[]) ORDER BY lease_until LIMIT $3 FOR UPDATE SKIP LOCKED",
        now,
        list(own),
        most,
    )
    return [Row(**row) for row in rows]


async def expired(connection: "Connection", now: datetime, most: int) -> list[Row]:
    """Messages that no longer shall leave, held."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM sends WHERE state = 'queued' AND expires_at <= $1"
        " ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        now,
        most,
    )
    return [Row(**row) for row in rows]
