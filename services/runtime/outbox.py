"""What is to be published, written in the transaction of the state it tells about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from contracts.contract import Contract, stream_of, subject_of
from contracts.envelope import headers
from services.runtime.cause import Cause

if TYPE_CHECKING:
    from services.runtime.database import Connection


_WAY = orjson.OPT_UTC_Z


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message for the bus."""

    event_id: str
    stream: str
    subject: str
    key: str
    headers: dict[str, str]
    body: bytes
    id: int = field(default=0, compare=False)


def seal(
    contract: Contract,
    *,
    event_id: str,
    source: str,
    now: datetime,
    cause: Cause,
    correlation: str | None = None,
    version: int | None = None,
    revision: int | None = None,
) -> Outgoing:
    """Put a contract into its envelope, as `Envelope` describes it, ready for its stream."""
    told = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/leadwire/{source}",
        "type": contract.TYPE,
        "subject": contract.entity(),
        "time": now,
        "datacontenttype": "application/json",
        "dataschema": f"urn:leadwire:schema:{contract.TYPE}",
        # The contract writes itself once; going by way of an Envelope would do it twice.
        "data": orjson.Fragment(contract.model_dump_json()),
        "entityversion": version,
        "correlationid": correlation or cause.correlation,
        "causationid": cause.id,
        "traceparent": cause.traceparent,
        "revision": revision,
    }
    key = contract.key()
    return Outgoing(
        event_id,
        stream_of(type(contract)),
        subject_of(contract),
        key,
        headers(event_id, contract.TYPE, key, cause.traceparent),
        orjson.dumps({name: value for name, value in told.items() if value is not None}, option=_WAY),
    )


async def write(connection: "Connection", rows: Sequence[Outgoing]) -> None:
    """Append rows in the order given; their ids are drawn here, after the caller's row locks."""
    if not rows:
        return
    await connection.execute(
        """
        INSERT INTO outbox (event_id, stream, subject, key, headers, body)
        SELECT event_id, stream, subject, key, headers, body
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::bytea[])
             WITH ORDINALITY AS row (event_id, stream, subject, key, headers, body, place)
        ORDER BY place
        """,
        [row.event_id for row in rows],
        [row.stream for row in rows],
        [row.subject for row in rows],
        [row.key for row in rows],
        [row.headers for row in rows],
        [row.body for row in rows],
    )


async def unpublished(connection: "Connection", limit: int) -> list[Outgoing]:
    """The oldest rows not yet on the bus, in order."""
    rows = await connection.fetch(
        "SELECT id, event_id, stream, subject, key, headers, body FROM outbox"
        " WHERE published_at IS NULL ORDER BY id LIMIT $1",
        limit,
    )
    return [Outgoing(**row) for row in rows]


async def mark_published(connection: "Connection", ids: Sequence[int]) -> None:
    """Record that the bus has acknowledged these rows."""
    await connection.execute(
        "UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1::bigint[])", ids
    )


async def publish_again(connection: "Connection", since: datetime) -> int:
    """Let the relay publish once more what it published since a time, in the same order; how many.

    For a stream that lost facts. Whoever has dealt with one knows it by its id.
    """
    status: str = await connection.execute(
        "UPDATE outbox SET published_at = NULL WHERE published_at >= $1", since
    )
    return int(status.rsplit(" ", 1)[1])


async def oldest_unpublished(connection: "Connection") -> datetime | None:
    """When the oldest waiting row was written; None when nothing waits."""
    waiting: datetime | None = await connection.fetchval(
        "SELECT created_at FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 1"
    )
    return waiting


async def forget_published(connection: "Connection", before: datetime) -> int:
    """Delete rows published before a time; they must have left their stream as well."""
    status: str = await connection.execute("DELETE FROM outbox WHERE published_at < $1", before)
    return int(status.rsplit(" ", 1)[1])
