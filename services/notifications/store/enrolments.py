"""Enrolments: one contact's run through one version of a sequence."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
from asyncpg import Record

from contracts.notifications import EndReason
from services.notifications.domain.enrolment import BEGUN, RUNNING, Run

if TYPE_CHECKING:
    from services.runtime.database import Connection

_COLUMNS = (
    "id, contact_id, enrolled_contact_id, sequence, version, deal_id, state, stop_on, armed_step,"
    " correlation, traceparent, enrolled_at, ended_at"
)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A row of enrolments. `state` is running or the reason it ended; `armed_step` counts from 0.

    `enrolled_contact_id` is the contact that was named: it may go on as another since.
    """

    id: UUID
    contact_id: UUID
    enrolled_contact_id: UUID
    sequence: str
    version: str
    deal_id: UUID | None
    state: str
    stop_on: tuple[str, ...]
    armed_step: int | None
    correlation: str
    traceparent: str | None
    enrolled_at: datetime
    ended_at: datetime | None = None

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.state == RUNNING

    @property
    def run(self) -> Run:
        """What the rules need to know of it."""
        return Run(self.id, self.sequence, self.enrolled_at, self.stop_on, self.ended_at)


async def insert(connection: "Connection", new: Sequence[Enrolment]) -> None:
    """Add enrolments; one of the same contact, sequence and deal that was there before stays as it is."""
    if not new:
        return
    await connection.execute(
        f"INSERT INTO enrolments ({_COLUMNS})"
        f" SELECT {_COLUMNS} FROM json_to_recordset($1::json) AS new (id uuid, contact_id uuid,"
        " enrolled_contact_id uuid, sequence text, version text, deal_id uuid, state text,"
        " stop_on text[], armed_step int, correlation text, traceparent text, enrolled_at timestamptz,"
        " ended_at timestamptz) ORDER BY id ON CONFLICT (id) DO NOTHING",
        orjson.dumps(new, default=str).decode(),
    )


async def known(
    connection: "Connection", contacts: Collection[UUID]
) -> dict[tuple[UUID, str, UUID | None], Enrolment]:
    """The enrolments of contacts, ended or not, by contact, sequence and deal: what a repeat finds."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM enrolments WHERE contact_id = ANY($1::uuid[]) ORDER BY enrolled_at DESC",
        list(contacts),
    )
    return {(row["contact_id"], row["sequence"], row["deal_id"]): _enrolment(row) for row in rows}


async def read(connection: "Connection", enrolment_id: UUID) -> Enrolment | None:
    """One enrolment, not locked."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM enrolments WHERE id = $1", enrolment_id)
    return _enrolment(row) if row else None


async def lock(connection: "Connection", ids: Collection[UUID]) -> dict[UUID, Enrolment]:
    """The enrolments, held until the transaction ends."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM enrolments WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        list(set(ids)),
    )
    return {row["id"]: _enrolment(row) for row in rows}


async def lock_if_free(connection: "Connection", id: UUID) -> Enrolment | None:
    """The enrolment, held until the transaction ends; None when somebody else holds it."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM enrolments WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED", id
    )
    return _enrolment(row) if row else None


async def lock_of_messages(connection: "Connection", messages: Collection[UUID]) -> dict[UUID, Enrolment]:
    """The enrolments these messages belong to, held until the transaction ends."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM enrolments WHERE id IN"
        " (SELECT enrolment_id FROM messages WHERE id = ANY($1::uuid[]))"
        " ORDER BY id FOR NO KEY UPDATE",
        list(messages),
    )
    return {row["id"]: _enrolment(row) for row in rows}


async def lock_running(connection: "Connection", contacts: Collection[UUID]) -> list[Enrolment]:
    """The running enrolments of these contacts, held until the transaction ends."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM enrolments WHERE contact_id = ANY($1::uuid[]) AND state = $2"
        " ORDER BY id FOR NO KEY UPDATE",
        list(contacts),
        RUNNING,
    )
    return [_enrolment(row) for row in rows]


async def lock_all(connection: "Connection", contacts: Collection[UUID]) -> list[Enrolment]:
    """Every enrolment of these contacts, ended or not, held until the transaction ends."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM enrolments WHERE contact_id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        list(contacts),
    )
    return [_enrolment(row) for row in rows]


async def contacts_running(connection: "Connection", contacts: Collection[UUID]) -> set[UUID]:
    """Those of the contacts with a running enrolment; nothing is locked."""
    rows = await connection.fetch(
        "SELECT DISTINCT contact_id FROM enrolments WHERE contact_id = ANY($1::uuid[]) AND state = $2",
        list(contacts),
        RUNNING,
    )
    return {row["contact_id"] for row in rows}


async def runs(connection: "Connection", enrolments: Collection[Enrolment]) -> list[Run]:
    """The same as the rules see them, with how far each has come."""
    if not enrolments:
        return []
    rows = await connection.fetch(
        "SELECT enrolment_id, count(*) AS begun FROM messages WHERE enrolment_id = ANY($1::uuid[])"
        " AND state = ANY($2::text[]) GROUP BY enrolment_id",
        [one.id for one in enrolments],
        BEGUN,
    )
    begun = {row["enrolment_id"]: row["begun"] for row in rows}
    return [replace(one.run, begun=begun.get(one.id, 0)) for one in enrolments]


async def end(connection: "Connection", reasons: Mapping[UUID, EndReason], now: datetime) -> None:
    """Put enrolments, locked and running, into their terminal state."""
    await connection.execute(
        "UPDATE enrolments SET state = ended.reason, ended_at = $3, armed_step = NULL"
        " FROM unnest($1::uuid[], $2::text[]) AS ended (id, reason)"
        " WHERE enrolments.id = ended.id AND state = $4",
        list(reasons),
        list(reasons.values()),
        now,
        RUNNING,
    )


async def arm(connection: "Connection", enrolment_id: UUID, step: int | None) -> None:
    """Note which step a timer is set for."""
    await connection.execute("UPDATE enrolments SET armed_step = $2 WHERE id = $1", enrolment_id, step)


async def move(connection: "Connection", staying: UUID, absorbed: UUID) -> None:
    """Enrolments and messages of an absorbed contact go on with the one that stays."""
    for table in ("enrolments", "messages"):
        await connection.execute(
            f"UPDATE {table} SET contact_id = $1 WHERE contact_id = $2", staying, absorbed
        )


async def give_back(connection: "Connection", contact_id: UUID, enrolled: Collection[UUID]) -> list[UUID]:
    """Enrolments made for these contacts go on with this one, as do their messages; their ids."""
    rows = await connection.fetch(
        "SELECT id FROM enrolments WHERE enrolled_contact_id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        list(enrolled),
    )
    ids = [row["id"] for row in rows]
    await connection.execute(
        "UPDATE enrolments SET contact_id = $1 WHERE id = ANY($2::uuid[])", contact_id, ids
    )
    await connection.execute(
        "UPDATE messages SET contact_id = $1 WHERE enrolment_id = ANY($2::uuid[])", contact_id, ids
    )
    return ids


def _enrolment(row: Record) -> Enrolment:
    return Enrolment(**{**row, "stop_on": tuple(row["stop_on"])})
