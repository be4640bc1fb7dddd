"""What a contact was sent, and the contact's timeline of both directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from asyncpg import Record

from services.leads.store.rowset import Rowset

if TYPE_CHECKING:
    from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Touch:
    """One outgoing message and what became of it: `sent`, or why not."""

    message_id: UUID
    contact_id: UUID
    medium: str
    outcome: str
    step: str
    enrolment_id: UUID | None
    internet_message_id: str | None
    at: datetime


_ROWS = Rowset(
    {
        "message_id": "uuid",
        "contact_id": "uuid",
        "medium": "text",
        "outcome": "text",
        "step": "text",
        "enrolment_id": "uuid",
        "internet_message_id": "text",
        "at": "timestamptz",
    }
)


async def record(connection: "Connection", touches: Sequence[Touch]) -> None:
    """Log outgoing messages; a later outcome of the same message replaces an earlier one."""
    latest = {touch.message_id: touch for touch in touches}
    await connection.execute(
        f"INSERT INTO touches ({_ROWS.columns}) SELECT {_ROWS.columns} FROM {_ROWS.source()}"
        " ORDER BY message_id ON CONFLICT (message_id) DO UPDATE SET outcome = excluded.outcome,"
        " at = excluded.at, internet_message_id = excluded.internet_message_id",
        _ROWS.argument(list(latest.values())),
    )


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a timeline goes on: after what happened at this time, of this id."""

    at: datetime
    id: UUID


async def timeline(
    connection: "Connection", contact_id: UUID, *, before: Moment | None, limit: int
) -> list[Record]:
    """What the contact and those merged into it wrote and were sent, the latest first."""
    return await connection.fetch(
        """
        WITH RECURSIVE family AS (
            SELECT $1::uuid AS id
            UNION
            SELECT contacts.id FROM contacts JOIN family ON contacts.merged_into = family.id
        )
        SELECT moment.* FROM family CROSS JOIN LATERAL (
            (SELECT occurred_at AS at, i.id, 'in' AS direction, channel, medium, title, text,
                    lead_id, NULL AS outcome
             FROM interactions i
             WHERE contact_id = family.id AND (occurred_at, i.id) < ($2, $3)
             ORDER BY occurred_at DESC, i.id DESC LIMIT $4)
            UNION ALL
            (SELECT at, message_id, 'out', NULL, medium, step, '', NULL, outcome
             FROM touches
             WHERE contact_id = family.id AND (at, message_id) < ($2, $3)
             ORDER BY at DESC, message_id DESC LIMIT $4)
        ) AS moment
        ORDER BY at DESC, moment.id DESC LIMIT $4
        """,
        contact_id,
        before.at if before else _END_OF_TIME,
        before.id if before else UUID(int=0),
        limit,
    )


_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
