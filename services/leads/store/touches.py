"""What a contact was sent, and the contact's timeline of both directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from asyncpg import Record

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


async def record(connection: "Connection", touches: Sequence[Touch]) -> None:
    """Log outgoing messages; a later outcome of the same message replaces an earlier one."""
    await connection.execute(
        """
        INSERT INTO touches (message_id, contact_id, medium, outcome, step, enrolment_id,
                             internet_message_id, at)
        SELECT DISTINCT ON (message_id) message_id, contact_id, medium, outcome, step,
               enrolment_id, internet_message_id, at
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[],
                    $7::text[], $8::timestamptz[]) WITH ORDINALITY
            AS new (message_id, contact_id, medium, outcome, step, enrolment_id,
                    internet_message_id, at, place)
        ORDER BY message_id, place DESC
        ON CONFLICT (message_id) DO UPDATE SET outcome = excluded.outcome, at = excluded.at,
            internet_message_id = excluded.internet_message_id
        """,
        [touch.message_id for touch in touches],
        [touch.contact_id for touch in touches],
        [touch.medium for touch in touches],
        [touch.outcome for touch in touches],
        [touch.step for touch in touches],
        [touch.enrolment_id for touch in touches],
        [touch.internet_message_id for touch in touches],
        [touch.at for touch in touches],
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
