"""Files: what is wanted, who is fetching it, what became of it."""

from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from contracts.files import WhyNot
from services.connectors.domain.file import Owner, State, Wanted

if TYPE_CHECKING:
    from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Row:
    """One file. `since` is when it was wanted last, `tries` counts all attempts ever, `attempts` those since.

    `stored`: there may be an object under the file's id.
    """

    file_id: UUID
    owner: Owner
    owner_id: UUID
    delivery_id: str
    stream: str
    seq: int
    channel: str
    kind: str
    touch: int
    place: int
    reference: str | None
    name: str
    claimed_type: str | None
    claimed_size: int
    state: State
    wanted_at: datetime
    since: datetime
    due_at: datetime
    lease: UUID | None
    attempts: int
    tries: int
    missing_since: datetime | None
    settled_at: datetime | None
    why: WhyNot | None
    detail: str
    sha256: str | None
    size: int | None
    content_type: str | None
    stored: bool


_COLUMNS = ", ".join(column.name for column in fields(Row))


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of bytes that are safe."""

    name: str
    sha256: str
    size: int
    content_type: str


async def want(
    connection: "Connection", wanted: Sequence[tuple[Wanted, str, int]], now: datetime
) -> list[UUID]:
    """Enter files with the stream and sequence of their delivery; those that are new come back."""
    once = {file.file_id: (*astuple(file), stream, seq) for file, stream, seq in wanted}
    if not once:
        return []
    found = await connection.fetch(
        """
        INSERT INTO files (file_id, owner, owner_id, delivery_id, channel, kind, touch, place, reference,
            name, claimed_type, claimed_size, stream, seq, wanted_at, since, due_at)
        SELECT *, $15, $15, $15 FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[],
            $6::text[], $7::smallint[], $8::smallint[], $9::text[], $10::text[], $11::text[],
            $12::bigint[], $13::text[], $14::bigint[])
        ON CONFLICT (file_id) DO NOTHING RETURNING file_id
        """,
        *zip(*(row for _, row in sorted(once.items())), strict=True),
        now,
    )
    return [row["file_id"] for row in found]


async def claim(
    connection: "Connection",
    now: datetime,
    until: datetime,
    lease: UUID,
    *,
    limit: int,
    busy: Collection[str] = (),
) -> list[Row]:
    """Take files that are due for a time, those waiting longest first; none of a channel in `busy`."""
    rows = await connection.fetch(
        f"""
        UPDATE files SET lease = $3, due_at = $2, attempts = attempts + 1, tries = tries + 1, stored = true
        WHERE file_id IN (
            SELECT file_id FROM files WHERE state = 'wanted' AND due_at <= $1 AND channel <> ALL($5::text[])
            ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)
        RETURNING {_COLUMNS}
        """,
        now,
        until,
        lease,
        limit,
        list(busy),
    )
    return [Row(**row) for row in rows]


async def keep(
    connection: "Connection", file_id: UUID, lease: UUID | None, kept: Kept, now: datetime
) -> bool:
    """The bytes are safe; False when the file is no longer this lease's to settle."""
    done = await connection.fetchval(
        "UPDATE files SET state = 'kept', settled_at = $3, name = $4, sha256 = $5, size = $6,"
        " content_type = $7, why = NULL, detail = '', missing_since = NULL, lease = NULL"
        " WHERE file_id = $1 AND lease = $2 AND state = 'wanted' RETURNING true",
        file_id,
        lease,
        now,
        kept.name,
        kept.sha256,
        kept.size,
        kept.content_type,
    )
    return bool(done)


async def postpone(
    connection: "Connection",
    file_id: UUID,
    lease: UUID | None,
    due_at: datetime,
    detail: str,
    missing_since: datetime | None,
) -> None:
    """It failed and is due again later."""
    await connection.execute(
        "UPDATE files SET due_at = $3, detail = $4, missing_since = $5, lease = NULL"
        " WHERE file_id = $1 AND lease = $2 AND state = 'wanted'",
        file_id,
        lease,
        due_at,
        detail,
        missing_since,
    )


async def give_up(
    connection: "Connection", file_id: UUID, lease: UUID | None, why: WhyNot, detail: str, now: datetime
) -> bool:
    """It is not tried again; False when the file is no longer this lease's to settle."""
    done = await connection.fetchval(
        "UPDATE files SET state = 'given_up', settled_at = $3, why = $4, detail = $5, lease = NULL"
        " WHERE file_id = $1 AND lease = $2 AND state = 'wanted' RETURNING true",
        file_id,
        lease,
        now,
        why,
        detail,
    )
    return bool(done)


async def hand_back(connection: "Connection", file_ids: Sequence[UUID], now: datetime) -> None:
    """Attempts that were broken off by us do not count, and others may make them now."""
    await connection.execute(
        "UPDATE files SET lease = NULL, due_at = $2, attempts = attempts - 1"
        " WHERE file_id = ANY($1::uuid[]) AND state = 'wanted' AND lease IS NOT NULL",
        list(file_ids),
        now,
    )


async def want_again(connection: "Connection", file_id: UUID, now: datetime) -> bool:
    """A file that was given up is due at once; False when it is in another state."""
    done = await connection.fetchval(
        "UPDATE files SET state = 'wanted', since = $2, due_at = $2, attempts = 0, missing_since = NULL,"
        " settled_at = NULL, why = NULL WHERE file_id = $1 AND state = 'given_up' RETURNING true",
        file_id,
        now,
    )
    return bool(done)


async def erase(connection: "Connection", file_ids: Sequence[UUID], now: datetime) -> int:
    """Forget all there is to know of files but that they were; their objects are to be erased next."""
    done: str = await connection.execute(
        "UPDATE files SET state = 'erased', settled_at = $2, name = '', reference = NULL, detail = '',"
        " claimed_type = NULL, claimed_size = 0, sha256 = NULL, size = NULL, content_type = NULL,"
        " lease = NULL"
        " WHERE file_id = ANY($1::uuid[]) AND state <> 'erased'",
        list(file_ids),
        now,
    )
    return int(done.rsplit(" ", 1)[-1])


async def kept_before(connection: "Connection", before: datetime, limit: int = 500) -> list[UUID]:
    """Files that were settled before a time, and may be erased for their age."""
    rows = await connection.fetch(
        "SELECT file_id FROM files WHERE state = 'kept' AND settled_at < $1 ORDER BY settled_at LIMIT $2",
        before,
        limit,
    )
    return [row["file_id"] for row in rows]


async def leftovers(connection: "Connection", limit: int = 500) -> list[UUID]:
    """Erased files whose object may still be there."""
    rows = await connection.fetch(
        "SELECT file_id FROM files WHERE state = 'erased' AND stored ORDER BY file_id LIMIT $1", limit
    )
    return [row["file_id"] for row in rows]


async def swept(connection: "Connection", file_id: UUID) -> None:
    """The object of an erased file is no more."""
    await connection.execute(
        "UPDATE files SET stored = false WHERE file_id = $1 AND state = 'erased'", file_id
    )


async def read(connection: "Connection", file_id: UUID) -> Row | None:
    """One file."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM files WHERE file_id = $1", file_id)
    return Row(**row) if row else None


async def of_owner(connection: "Connection", owner_id: UUID) -> list[Row]:
    """The files of an interaction or a call, in their order."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM files WHERE owner_id = $1 ORDER BY wanted_at, place, file_id LIMIT 500",
        owner_id,
    )
    return [Row(**row) for row in rows]


async def in_state(connection: "Connection", state: str, before: datetime, limit: int) -> list[Row]:
    """Files in a state that were wanted before a time, the latest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM files WHERE state = $1 AND wanted_at < $2"
        " ORDER BY wanted_at DESC, file_id LIMIT $3",
        state,
        before,
        limit,
    )
    return [Row(**row) for row in rows]


async def waiting(connection: "Connection") -> int:
    """How many files are wanted and not here."""
    count: int = await connection.fetchval("SELECT count(*) FROM files WHERE state = 'wanted'")
    return count
