"""Timers: a due table in the service's schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.runtime.cause import Cause

if TYPE_CHECKING:
    from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Timer:
    """One thing to be done at a time. `zone` and `rule` tell where the UTC time came from."""

    kind: str
    key: str
    due_at: datetime
    zone: str
    rule: str
    generation: int
    payload: dict[str, Any]
    cause: Cause
    late_after: timedelta | None = None
    missed: bool = False


async def write(connection: "Connection", changes: Mapping[tuple[str, str], Timer | None]) -> None:
    """Arm, replace and take back timers; a None takes back."""
    gone = [name for name, timer in changes.items() if timer is None]
    if gone:
        await connection.execute(
            "DELETE FROM timers USING unnest($1::text[], $2::text[]) AS gone (kind, key)"
            " WHERE timers.kind = gone.kind AND timers.key = gone.key",
            [kind for kind, _ in gone],
            [key for _, key in gone],
        )
    armed = [_row(timer) for timer in changes.values() if timer]
    if armed:
        await connection.execute(_ARM, *(list(column) for column in zip(*armed, strict=True)))


_ARM = """
    INSERT INTO timers (kind, key, due_at, zone, rule, late_after, generation, payload,
                        cause, correlation, traceparent)
    SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[],
                         $6::interval[], $7::int[], $8::jsonb[], $9::text[], $10::text[], $11::text[])
    ORDER BY 1, 2
    ON CONFLICT (kind, key) DO UPDATE SET due_at = excluded.due_at, zone = excluded.zone,
        rule = excluded.rule, late_after = excluded.late_after,
        generation = excluded.generation, payload = excluded.payload, cause = excluded.cause,
        correlation = excluded.correlation, traceparent = excluded.traceparent
"""


def _row(timer: Timer) -> tuple[Any, ...]:
    return (
        timer.kind, timer.key, timer.due_at, timer.zone, timer.rule, timer.late_after,
        timer.generation, timer.payload, timer.cause.id, timer.cause.correlation,
        timer.cause.traceparent,
    )  # fmt: skip


async def waiting(connection: "Connection", correlations: list[str]) -> list[dict[str, Any]]:
    """The timers armed for these enquiries, soonest first."""
    rows = await connection.fetch(
        "SELECT kind, key, due_at, zone, rule, correlation FROM timers"
        " WHERE correlation = ANY($1::text[]) ORDER BY due_at",
        correlations,
    )
    return [dict(row) for row in rows]


async def claim_due(connection: "Connection", kinds: Sequence[str], now: datetime, limit: int) -> list[Timer]:
    """Lock the timers that are due, soonest first, passing over those another replica holds."""
    rows = await connection.fetch(
        "SELECT * FROM timers WHERE due_at <= $1 AND kind = ANY($3::text[])"
        " ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        now,
        limit,
        kinds,
    )
    return [_timer(dict(row), now) for row in rows]


async def postpone(connection: "Connection", timer: Timer, until: datetime) -> None:
    """Keep a timer that could not be fired, due at a later time."""
    await connection.execute(
        "UPDATE timers SET due_at = $3 WHERE kind = $1 AND key = $2", timer.kind, timer.key, until
    )


async def next_due(connection: "Connection", kinds: Sequence[str]) -> datetime | None:
    """When the next timer is due; None when none is armed."""
    due: datetime | None = await connection.fetchval(
        "SELECT min(due_at) FROM timers WHERE kind = ANY($1::text[])", kinds
    )
    return due


def _timer(row: Mapping[str, Any], now: datetime) -> Timer:
    cause = Cause(row["cause"], row["correlation"], row["traceparent"])
    late_after = row["late_after"]
    return Timer(
        row["kind"],
        row["key"],
        row["due_at"],
        row["zone"],
        row["rule"],
        row["generation"],
        row["payload"],
        cause,
        late_after,
        missed=late_after is not None and now - row["due_at"] > late_after,
    )
