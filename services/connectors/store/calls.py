"""Calls as far as they went, and the ids of facts that are told once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import TypeAdapter

from services.connectors.domain.call import Call

if TYPE_CHECKING:
    from services.runtime.database import Connection

_CALL: TypeAdapter[Call] = TypeAdapter(Call)


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call that is to be kept."""

    call_id: UUID
    channel: str
    kind: str
    call: Call
    at: datetime


async def lock(connection: "Connection", fresh: Iterable[CallRow]) -> dict[UUID, Call]:
    """What is known of these calls, held until the end of the transaction. Unknown ones begin here."""
    rows = sorted({row.call_id: row for row in fresh}.values(), key=lambda row: row.call_id)
    if not rows:
        return {}
    await connection.execute(
        """
        INSERT INTO calls (call_id, channel, kind, external_id, state, seen_at)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[])
        ON CONFLICT (call_id) DO NOTHING
        """,
        *zip(*map(_values, rows), strict=True),
    )
    found = await connection.fetch(
        "SELECT call_id, state FROM calls WHERE call_id = ANY($1::uuid[]) ORDER BY call_id FOR UPDATE",
        [row.call_id for row in rows],
    )
    return {row["call_id"]: _CALL.validate_python(row["state"]) for row in found}


async def save(connection: "Connection", rows: Iterable[CallRow]) -> None:
    """Write how far these calls are now."""
    values = [(row.call_id, _plain(row.call), row.at) for row in rows]
    if values:
        await connection.execute(
            "UPDATE calls SET state = new.state, seen_at = new.at"
            " FROM unnest($1::uuid[], $2::jsonb[], $3::timestamptz[]) AS new (id, state, at)"
            " WHERE calls.call_id = new.id",
            *zip(*values, strict=True),
        )


async def first_told(connection: "Connection", ids: Mapping[UUID, datetime]) -> set[UUID]:
    """Those of these facts that were never told before; from now on they are."""
    if not ids:
        return set()
    found = await connection.fetch(
        "INSERT INTO told (fact_id, told_at) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])"
        " ON CONFLICT (fact_id) DO NOTHING RETURNING fact_id",
        *zip(*sorted(ids.items()), strict=True),
    )
    return {row["fact_id"] for row in found}


async def forget_before(connection: "Connection", before: datetime) -> int:
    """Delete calls last heard of, and ids told, before a time; how many rows."""
    statuses: list[str] = [
        await connection.execute("DELETE FROM calls WHERE seen_at < $1", before),
        await connection.execute("DELETE FROM told WHERE told_at < $1", before),
    ]
    return sum(int(status.rsplit(" ", 1)[1]) for status in statuses)


def _values(row: CallRow) -> tuple[Any, ...]:
    return row.call_id, row.channel, row.kind, row.call.external_id, _plain(row.call), row.at


def _plain(call: Call) -> dict[str, Any]:
    plain: dict[str, Any] = _CALL.dump_python(call, mode="json")
    return plain
