"""Messages: one per enrolment and step, from queued to what became of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from services.notifications.domain.enrolment import MessageOutcome, MessageState, UnknownPolicy
from services.notifications.store.contacts import CONTACT_COLUMNS, Contact

if TYPE_CHECKING:
    from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message as a due step makes it. Beyond `late_at` it must not go out any more."""

    id: UUID
    enrolment_id: UUID
    contact_id: UUID
    step: str
    position: int
    medium: str
    purpose: str | None
    internet_message_id: str
    unknown_policy: UnknownPolicy
    due_at: datetime
    late_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is being dealt with, with what matters of its enrolment."""

    id: UUID
    enrolment_id: UUID
    contact_id: UUID
    step: str
    position: int
    medium: str
    purpose: str | None
    state: MessageState
    internet_message_id: str
    unknown_policy: UnknownPolicy
    repeats: int
    attempts: int
    late_at: datetime | None
    lease_owner: UUID | None
    sequence: str
    version: str
    deal_id: UUID | None
    enrolment_state: str
    correlation: str
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Started:
    """A message that is about to go over the wire, and where to."""

    message_id: UUID
    address: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The state a message goes to."""

    message_id: UUID
    state: MessageState
    reason: str | None = None
    detail: str = ""
    ends: str | None = None
    next_try_at: datetime | None = None
    settled_at: datetime | None = None
    repeats: int = 0


_JOINED_COLUMNS = """
    m.id, m.enrolment_id, m.contact_id, m.step, m.position, m.medium, m.purpose, m.state,
    m.internet_message_id, m.unknown_policy, m.repeats, m.attempts, m.late_at,
    m.lease_owner, e.sequence, e.version, e.deal_id, e.state AS enrolment_state,
    e.correlation, e.traceparent
"""
_JOINED = f"SELECT {_JOINED_COLUMNS} FROM messages m JOIN enrolments e ON e.id = m.enrolment_id"
# A later step waits until the fate of an earlier one is known: order within an enrolment is kept. The
# OFFSET keeps this a look-up for each candidate: as a join it may read the whole backlog for every claim.
_DUE = """
    m.state = 'queued' AND m.next_try_at <= $1 AND NOT EXISTS
    (SELECT 1 FROM messages earlier WHERE earlier.enrolment_id = m.enrolment_id
        AND earlier.position < m.position AND earlier.state IN ('queued', 'sending') OFFSET 0)
"""
# By address, by contact, or by somebody who turned out to be the same person.
_SUPPRESSED = """
    (EXISTS (SELECT 1 FROM suppressions s WHERE s.medium = m.medium AND s.address = lower(c.email))
     OR EXISTS (SELECT 1 FROM suppressions s WHERE s.medium = m.medium
                AND s.contact_id = m.contact_id)
     OR EXISTS (SELECT 1 FROM contacts a JOIN suppressions s ON s.contact_id = a.id
                WHERE a.merged_into = m.contact_id AND s.medium = m.medium))
"""


_NEW = """
    id uuid, enrolment_id uuid, contact_id uuid, step text, position int, medium text, purpose text,
    internet_message_id text, unknown_policy text, due_at timestamptz, late_at timestamptz,
    created_at timestamptz
"""


async def insert(connection: "Connection", new: Sequence[NewMessage]) -> None:
    """Queue messages."""
    if not new:
        return
    await connection.execute(
        "INSERT INTO messages (id, enrolment_id, contact_id, step, position, medium, purpose,"
        " state, internet_message_id, unknown_policy, due_at, late_at, next_try_at, created_at)"
        " SELECT id, enrolment_id, contact_id, step, position, medium, purpose, 'queued',"
        " internet_message_id, unknown_policy, due_at, late_at, due_at, created_at"
        f" FROM json_to_recordset($1::json) AS new ({_NEW})",
        orjson.dumps(new, default=str).decode(),
    )


async def count_due(connection: "Connection", now: datetime, most: int) -> int:
    """How many messages could go out now; counts up to `most`."""
    count: int = await connection.fetchval(
        f"SELECT count(*) FROM (SELECT 1 FROM messages m WHERE {_DUE} LIMIT $2) AS due", now, most
    )
    return count


async def lock_contacts_due(connection: "Connection", now: datetime, most: int) -> dict[UUID, Contact]:
    """The contacts of messages that could go out now, the longest waiting first, locked.

    Contacts that somebody else holds are passed over: this never waits.
    """
    rows = await connection.fetch(
        f"""
        WITH due AS (SELECT m.contact_id FROM messages m WHERE {_DUE} ORDER BY m.next_try_at LIMIT $2)
        SELECT {CONTACT_COLUMNS} FROM contacts WHERE id IN (SELECT contact_id FROM due)
            AND merged_into IS NULL ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        """,
        now,
        most,
    )
    return {row["id"]: Contact(**row) for row in rows}


async def lock_queued(
    connection: "Connection", now: datetime, contacts: Collection[UUID], most: int
) -> list[tuple[Message, bool]]:
    """Messages to these contacts, locked, that could go out now and are nobody's; never waits.

    Each with whether it must not be sent: read in one statement with the lock, after the contacts'.
    """
    rows = await connection.fetch(
        f"""
        SELECT {_JOINED_COLUMNS}, {_SUPPRESSED} AS suppressed
        FROM messages m JOIN enrolments e ON e.id = m.enrolment_id
            JOIN contacts c ON c.id = m.contact_id
        WHERE m.contact_id = ANY($2::uuid[]) AND {_DUE}
        ORDER BY m.next_try_at LIMIT $3 FOR NO KEY UPDATE OF e, m SKIP LOCKED
        """,
        now,
        list(contacts),
        most,
    )
    return [_with_verdict(dict(row)) for row in rows]


def _with_verdict(row: dict[str, Any]) -> tuple[Message, bool]:
    suppressed: bool = row.pop("suppressed")
    return Message(**row), suppressed


async def start(
    connection: "Connection", started: Sequence[Started], owner: UUID, now: datetime, until: datetime
) -> None:
    """Mark messages as going over the wire, under a lease."""
    await connection.execute(
        "UPDATE messages SET state = 'sending', address = new.address, attempts = attempts + 1,"
        " started_at = $3, lease_owner = $4, lease_until = $5"
        " FROM unnest($1::uuid[], $2::text[]) AS new (id, address) WHERE messages.id = new.id",
        [one.message_id for one in started],
        [one.address for one in started],
        now,
        owner,
        until,
    )


async def lock(connection: "Connection", ids: Collection[UUID]) -> dict[UUID, Message]:
    """Messages, held until the transaction ends; their enrolments must be locked already."""
    rows = await connection.fetch(
        f"{_JOINED} WHERE m.id = ANY($1::uuid[]) ORDER BY m.id FOR NO KEY UPDATE OF m", list(ids)
    )
    return {row["id"]: Message(**row) for row in rows}


async def move(connection: "Connection", moved: Sequence[Moved]) -> None:
    """Write new states of messages that are locked."""
    await connection.execute(
        """
        UPDATE messages SET state = new.state, reason = new.reason, detail = new.detail,
            ends = new.ends, next_try_at = coalesce(new.next_try_at, messages.next_try_at),
            settled_at = new.settled_at, repeats = new.repeats,
            lease_owner = CASE WHEN new.state = 'unknown' THEN lease_owner END, lease_until = NULL
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],
                    $6::timestamptz[], $7::timestamptz[], $8::int[])
             AS new (id, state, reason, detail, ends, next_try_at, settled_at, repeats)
        WHERE messages.id = new.id
        """,
        *_columns(moved),
    )


def _columns(moved: Sequence[Moved]) -> list[list[Any]]:
    return [
        [one.message_id for one in moved],
        [one.state for one in moved],
        [one.reason for one in moved],
        [one.detail for one in moved],
        [one.ends for one in moved],
        [one.next_try_at for one in moved],
        [one.settled_at for one in moved],
        [one.repeats for one in moved],
    ]


async def cancel_queued(
    connection: "Connection", enrolments: Collection[UUID], now: datetime
) -> list[Message]:
    """Take back the messages of ended enrolments that have not started; those, as they were."""
    rows = await connection.fetch(
        "WITH taken AS (UPDATE messages SET state = 'cancelled', settled_at = $2"
        " WHERE enrolment_id = ANY($1::uuid[]) AND state = 'queued' RETURNING id)"
        f" {_JOINED} WHERE m.id IN (SELECT id FROM taken) ORDER BY m.id",
        list(enrolments),
        now,
    )
    return [Message(**row) for row in rows]


async def outcomes(
    connection: "Connection", enrolments: Collection[UUID]
) -> Mapping[UUID, list[MessageOutcome]]:
    """What became of the messages of each enrolment, in order of their steps."""
    rows = await connection.fetch(
        "SELECT enrolment_id, state, ends FROM messages WHERE enrolment_id = ANY($1::uuid[])"
        " ORDER BY enrolment_id, position",
        list(enrolments),
    )
    found: dict[UUID, list[MessageOutcome]] = {one: [] for one in enrolments}
    for row in rows:
        found[row["enrolment_id"]].append(MessageOutcome(row["state"], row["ends"]))
    return found


async def overdue(connection: "Connection", now: datetime, most: int) -> list[UUID]:
    """Queued messages whose time has passed."""
    rows = await connection.fetch(
        "SELECT id FROM messages WHERE state = 'queued' AND late_at < $1 ORDER BY late_at LIMIT $2",
        now,
        most,
    )
    return [row["id"] for row in rows]


async def answered(connection: "Connection", contact_id: UUID, internet_message_ids: Collection[str]) -> bool:
    """Whether one of these Message-IDs is of a message we sent to this contact."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM messages WHERE internet_message_id = ANY($2::text[])"
        " AND contact_id = $1)",
        contact_id,
        list(internet_message_ids),
    )
    return found
