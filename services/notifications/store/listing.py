"""What the API and trace read."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from asyncpg import Record

if TYPE_CHECKING:
    from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom a message was for, and the address it was sent to, if it was started."""

    contact_id: UUID
    address: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """A filter and a place to go on from: rows older than (`at`, `id`), newest first."""

    limit: int
    contact: UUID | None = None
    state: str | None = None
    at: datetime | None = None
    id: UUID | None = None


async def messages(connection: "Connection", page: Page) -> list[Record]:
    """Messages, newest first."""
    return await connection.fetch(
        """
        SELECT m.id, m.enrolment_id, m.contact_id, e.sequence, m.step, m.medium, m.state, m.reason,
               m.detail, m.attempts, m.internet_message_id, m.due_at,
               CASE WHEN m.state = 'queued' THEN m.next_try_at END AS next_try_at, m.started_at,
               m.settled_at, m.created_at
        FROM messages m JOIN enrolments e ON e.id = m.enrolment_id
        WHERE ($2::uuid IS NULL OR m.contact_id =
                 coalesce((SELECT merged_into FROM contacts WHERE id = $2), $2))
          AND ($3::text IS NULL OR m.state = $3)
          AND ($4::timestamptz IS NULL OR (m.created_at, m.id) < ($4, $5::uuid))
        ORDER BY m.created_at DESC, m.id DESC LIMIT $1
        """,
        page.limit,
        page.contact,
        page.state,
        page.at,
        page.id,
    )


async def in_flight(connection: "Connection") -> dict[str, dict[str, int]]:
    """How many running enrolments of each sequence wait for which step, by its place, or for a message."""
    rows = await connection.fetch(
        "SELECT sequence, armed_step, count(*) AS runs FROM enrolments WHERE state = 'running'"
        " GROUP BY sequence, armed_step ORDER BY sequence, armed_step NULLS FIRST"
    )
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        place = "last message" if row["armed_step"] is None else f"step {row['armed_step'] + 1}"
        counts.setdefault(row["sequence"], {})[place] = row["runs"]
    return counts


async def enrolments(connection: "Connection", page: Page) -> list[Record]:
    """Enrolments, newest first, each with the time its next step is armed for."""
    return await connection.fetch(
        """
        SELECT e.id, e.contact_id, e.sequence, e.version, e.deal_id, e.state, e.armed_step,
               t.due_at AS next_due_at, e.enrolled_at, e.ended_at
        FROM enrolments e LEFT JOIN timers t ON t.kind = 'step' AND t.key = e.id::text
        WHERE ($2::uuid IS NULL OR e.contact_id =
                 coalesce((SELECT merged_into FROM contacts WHERE id = $2), $2))
          AND ($3::text IS NULL OR e.state = $3)
          AND ($4::timestamptz IS NULL OR (e.enrolled_at, e.id) < ($4, $5::uuid))
        ORDER BY e.enrolled_at DESC, e.id DESC LIMIT $1
        """,
        page.limit,
        page.contact,
        page.state,
        page.at,
        page.id,
    )


async def enrolment(connection: "Connection", enrolment_id: UUID) -> Record | None:
    """One enrolment."""
    return await connection.fetchrow(
        "SELECT id, contact_id, sequence, version, deal_id, state, armed_step, enrolled_at, ended_at"
        " FROM enrolments WHERE id = $1",
        enrolment_id,
    )


async def suppressions(connection: "Connection", page: Page) -> list[Record]:
    """Opt-outs, newest first."""
    return await connection.fetch(
        "SELECT id, medium, address, contact_id, source, added_by, added_at FROM suppressions"
        " WHERE ($2::timestamptz IS NULL OR (added_at, id) < ($2, $3::uuid))"
        " ORDER BY added_at DESC, id DESC LIMIT $1",
        page.limit,
        page.at,
        page.id,
    )


async def destination(connection: "Connection", message_id: UUID) -> Destination | None:
    """Where a message went; None when there is no such message."""
    row = await connection.fetchrow("SELECT contact_id, address FROM messages WHERE id = $1", message_id)
    return Destination(**row) if row else None


async def other_names(connection: "Connection", name: str) -> set[str]:
    """What else the journal calls the message or enrolment that goes by `name`.

    A Message-ID may come in angle brackets.
    """
    bare = name.strip().removeprefix("<").removesuffix(">")
    rows = await connection.fetch(
        "SELECT id::text, enrolment_id::text, internet_message_id FROM messages"
        " WHERE internet_message_id = $1 OR id = $2 OR enrolment_id = $2",
        bare,
        _uuid(bare),
    )
    return {bare, *(value for row in rows for value in row.values())} - {name}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
