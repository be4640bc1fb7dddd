"""Deliveries: where the bytes are, how often they came, and what was made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from services.connectors.domain import Verdict

if TYPE_CHECKING:
    from services.runtime.database import Connection

_COLUMNS = (
    "id, channel, kind, stream, first_seq, last_seq, first_received_at, last_received_at,"
    " times, size, event, verdict, reason, revision"
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A delivery with its verdict, as one arrival of it gives it."""

    id: str
    channel: str
    kind: str
    stream: str
    seq: int
    received_at: datetime
    size: int
    event: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as it is kept. The raw bytes are in `stream` at `first_seq` and `last_seq`."""

    id: str
    channel: str
    kind: str
    stream: str
    first_seq: int
    last_seq: int
    first_received_at: datetime
    last_received_at: datetime
    times: int
    size: int
    event: str
    verdict: Verdict
    reason: str
    revision: int


async def record(connection: "Connection", arrivals: Sequence[Judged]) -> set[str]:
    """Count the arrivals; the ids of deliveries never seen before come back.

    An accepted delivery stays accepted, whatever a later arrival of the same bytes comes to.
    """
    merged: dict[str, list[Judged]] = {}
    for one in arrivals:
        merged.setdefault(one.id, []).append(one)
    rows = [(ones[0], ones[-1], len(ones)) for _, ones in sorted(merged.items())]
    found = await connection.fetch(
        """
        INSERT INTO deliveries AS old (id, channel, kind, stream, first_seq, last_seq,
            first_received_at, last_received_at, times, size, event, verdict, reason)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],
            $6::bigint[], $7::timestamptz[], $8::timestamptz[], $9::int[], $10::int[],
            $11::text[], $12::text[], $13::text[])
        ON CONFLICT (id) DO UPDATE SET
            times = old.times + excluded.times,
            kind = excluded.kind,
            last_seq = greatest(old.last_seq, excluded.last_seq),
            last_received_at = greatest(old.last_received_at, excluded.last_received_at),
            event = CASE old.verdict WHEN 'accepted' THEN old.event ELSE excluded.event END,
            reason = CASE old.verdict WHEN 'accepted' THEN old.reason ELSE excluded.reason END,
            verdict = CASE old.verdict WHEN 'accepted' THEN old.verdict ELSE excluded.verdict END
        RETURNING id, xmax = 0 AS fresh
        """,
        *zip(*(_values(first, last, times) for first, last, times in rows), strict=True),
    )
    return {row["id"] for row in found if row["fresh"]}


def _values(first: Judged, last: Judged, times: int) -> tuple[Any, ...]:
    return (
        first.id, first.channel, first.kind, first.stream, first.seq, last.seq,
        first.received_at, last.received_at, times, first.size,
        first.event, first.verdict, first.reason,
    )  # fmt: skip


class Known(NamedTuple):
    """What was made of a delivery."""

    verdict: Verdict
    reason: str


async def verdicts(connection: "Connection", ids: Sequence[str]) -> dict[str, Known]:
    """What was made of those deliveries that are known."""
    rows = await connection.fetch("SELECT id, verdict, reason FROM deliveries WHERE id = ANY($1)", ids)
    return {row["id"]: Known(row["verdict"], row["reason"]) for row in rows}


async def quarantined(connection: "Connection", channel: str, after: str, limit: int) -> list[str]:
    """The ids of a channel's deliveries that are set aside, in their order, from `after` on."""
    rows = await connection.fetch(
        "SELECT id FROM deliveries WHERE verdict = 'quarantined' AND channel = $1 AND id > $2"
        " ORDER BY id LIMIT $3",
        channel,
        after,
        limit,
    )
    return [row["id"] for row in rows]


async def judge_again(connection: "Connection", delivery_id: str, judged: Judged, revision: int) -> None:
    """Write the verdict of a later parse."""
    await connection.execute(
        "UPDATE deliveries SET event = $2, verdict = $3, reason = $4, kind = $5, size = $6,"
        " revision = $7 WHERE id = $1",
        delivery_id,
        judged.event,
        judged.verdict,
        judged.reason,
        judged.kind,
        judged.size,
        revision,
    )


async def lock(connection: "Connection", delivery_id: str) -> Row | None:
    """One delivery, held until the end of the transaction."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM deliveries WHERE id = $1 FOR NO KEY UPDATE", delivery_id
    )
    return Row(**row) if row else None


async def read(connection: "Connection", delivery_id: str) -> Row | None:
    """One delivery."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM deliveries WHERE id = $1", delivery_id)
    return Row(**row) if row else None


async def newest(
    connection: "Connection", channel: str | None, verdict: str | None, before: datetime, limit: int
) -> list[Row]:
    """Deliveries last received before a time, newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM deliveries WHERE last_received_at < $1"
        " AND ($2::text IS NULL OR channel = $2) AND ($3::text IS NULL OR verdict = $3)"
        " ORDER BY last_received_at DESC, id LIMIT $4",
        before,
        channel,
        verdict,
        limit,
    )
    return [Row(**row) for row in rows]


async def spans(
    connection: "Connection", channel: str, since: datetime, only_failed: bool
) -> list[tuple[str, int, int]]:
    """Stream, first and last sequence of what a replay has to read."""
    rows = await connection.fetch(
        "SELECT stream, min(first_seq) AS first, max(last_seq) AS last FROM deliveries"
        " WHERE channel = $1 AND last_received_at >= $2 AND (verdict = 'failed' OR NOT $3)"
        " GROUP BY stream ORDER BY stream",
        channel,
        since,
        only_failed,
    )
    return [(row["stream"], row["first"], row["last"]) for row in rows]


async def waiting(connection: "Connection", limit: int = 20) -> list[Row]:
    """Deliveries whose body is still to be fetched, oldest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM deliveries WHERE verdict = 'waiting' ORDER BY first_received_at LIMIT $1",
        limit,
    )
    return [Row(**row) for row in rows]


async def counts(connection: "Connection") -> dict[str, dict[str, int]]:
    """How many deliveries each channel has with each verdict."""
    rows = await connection.fetch(
        "SELECT channel, verdict, count(*) AS n FROM deliveries GROUP BY channel, verdict"
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["channel"], {})[row["verdict"]] = row["n"]
    return found
