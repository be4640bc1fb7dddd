"""Messages that leave through channels: what is known of each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

if TYPE_CHECKING:
    from services.runtime.database import Connection

State = Literal["queued", "sending", "sent", "failed", "unknown"]
COLUMNS = (
    "message_id, channel, kind, address, body, reply_to, digest, state, progress, attempts, in_doubt,"
    " next_try_at, expires_at, owner, first_at, starts_at, external_id, code, reason, correlation,"
    " traceparent, created_at, settled_at"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One message. `first_at` is when it was first begun, `starts_at` when last.

    `in_doubt` says that an earlier attempt may have arrived, `progress` is the last a vendor told of it:
    delivered, read or failed. Once it is settled the text is not kept; `digest` tells whether another
    wish of the same id means the same message.
    """

    message_id: UUID
    channel: str
    kind: str
    address: str
    body: str
    reply_to: str
    digest: bytes
    state: State
    progress: str
    attempts: int
    in_doubt: bool
    next_try_at: datetime
    expires_at: datetime
    owner: UUID | None
    first_at: datetime | None
    starts_at: datetime | None
    external_id: str | None
    code: str
    reason: str
    correlation: str
    traceparent: str | None
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Fresh:
    """A message that is wished for; `state` failed when it will not even be tried."""

    message_id: UUID
    channel: str
    kind: str
    address: str
    body: str
    reply_to: str
    digest: bytes
    state: Literal["queued", "failed"]
    code: str
    reason: str
    expires_at: datetime
    correlation: str
    traceparent: str | None


async def insert(connection: "Connection", fresh: Fresh, now: datetime) -> Row | None:
    """Queue it; None when a message of this id is there already."""
    row = await connection.fetchrow(
        f"""
        INSERT INTO sends (message_id, channel, kind, address, body, reply_to, digest, state, code, reason,
            expires_at, correlation, traceparent, next_try_at, created_at, settled_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14,
            CASE WHEN $8 = 'failed' THEN $14::timestamptz END)
        ON CONFLICT (message_id) DO NOTHING RETURNING {COLUMNS}
        """,
        fresh.message_id,
        fresh.channel,
        fresh.kind,
        fresh.address,
        fresh.body,
        fresh.reply_to,
        fresh.digest,
        fresh.state,
        fresh.code,
        fresh.reason,
        fresh.expires_at,
        fresh.correlation,
        fresh.traceparent,
        now,
    )
    return Row(**row) if row else None


async def read(connection: "Connection", message_id: UUID) -> Row | None:
    """One message."""
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM sends WHERE message_id = $1", message_id)
    return Row(**row) if row else None


async def several(connection: "Connection", ids: Collection[UUID]) -> dict[UUID, Row]:
    """Messages as they are just now."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM sends WHERE message_id = ANY($1::uuid[])", list(ids)
    )
    return {row["message_id"]: Row(**row) for row in rows}


async def lock(connection: "Connection", ids: Collection[UUID]) -> dict[UUID, Row]:
    """Messages, held until the end of the transaction."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM sends WHERE message_id = ANY($1::uuid[]) ORDER BY message_id"
        " FOR NO KEY UPDATE",
        list(ids),
    )
    return {row["message_id"]: Row(**row) for row in rows}


async def known_as(connection: "Connection", named: Mapping[UUID, tuple[str, datetime]]) -> None:
    """Vendors told their ids of messages by ours, and when: one that was open has gone then."""
    await connection.execute(
        "UPDATE sends SET external_id = coalesce(sends.external_id, named.external_id),"
        " state = CASE state WHEN 'unknown' THEN 'sent' ELSE state END,"
        " settled_at = CASE state WHEN 'unknown' THEN named.at ELSE settled_at END"
        " FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS named (id, external_id, at)"
        " WHERE message_id = named.id",
        *map(list, zip(*((one, *named[one]) for one in sorted(named)), strict=True)),
    )


async def newest(
    connection: "Connection", channel: str | None, state: str | None, before: datetime, limit: int
) -> list[Row]:
    """Messages wished for before a time, newest first."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM sends WHERE created_at < $1 AND ($2::text IS NULL OR channel = $2)"
        " AND ($3::text IS NULL OR state = $3) ORDER BY created_at DESC, message_id LIMIT $4",
        before,
        channel,
        state,
        limit,
    )
    return [Row(**row) for row in rows]


async def of_external(
    connection: "Connection", named: Collection[tuple[str, str]]
) -> dict[tuple[str, str], UUID]:
    """The messages that vendors know by these ids: (channel, vendor's id) to ours. The newest, if several."""
    if not named:
        return {}
    rows = await connection.fetch(
        "SELECT channel, external_id, message_id FROM sends JOIN unnest($1::text[], $2::text[])"
        " AS named (channel, external_id) USING (channel, external_id) ORDER BY created_at",
        *map(list, zip(*sorted(named), strict=True)),
    )
    return {(row["channel"], row["external_id"]): row["message_id"] for row in rows}


async def on_the_way(connection: "Connection", channels: Collection[str]) -> set[str]:
    """Those of the channels with a message under way: its vendor's id is not known here yet."""
    rows = await connection.fetch(
        "SELECT name FROM unnest($1::text[]) AS name WHERE EXISTS (SELECT 1 FROM sends"
        " WHERE state = 'sending' AND channel = name)",
        list(channels),
    )
    return {row["name"] for row in rows}


async def progress(connection: "Connection", steps: Sequence[tuple[UUID, str]]) -> None:
    """Note what vendors told of messages: read is further than delivered."""
    await connection.execute(
        "UPDATE sends SET progress = told.progress FROM unnest($1::uuid[], $2::text[])"
        " AS told (id, progress) WHERE message_id = told.id"
        " AND NOT (sends.progress = 'read' AND told.progress = 'delivered')",
        *map(list, zip(*sorted(steps), strict=True)),
    )


async def forget_before(connection: "Connection", before: datetime) -> int:
    """Delete messages settled, and whom we heard from, before a time; how many rows."""
    statuses = [
        await connection.execute(
            "DELETE FROM sends WHERE created_at < $1 AND settled_at < $1 AND state <> 'queued'", before
        ),
        await connection.execute("DELETE FROM heard WHERE heard_at < $1", before),
    ]
    return sum(int(status.rsplit(" ", 1)[1]) for status in statuses)


async def other_names(connection: "Connection", name: str) -> set[str]:
    """The vendor's id of a message of ours, and ours of the vendor's."""
    rows = await connection.fetch(
        "SELECT message_id::text, external_id FROM sends WHERE message_id = $1"
        " UNION SELECT message_id::text, external_id FROM sends WHERE external_id = $2 LIMIT 100",
        _uuid(name.strip()),
        name.strip(),
    )
    return {value for row in rows for value in row.values() if value}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
