"""Merges of contacts: what each moved, so that it can be put back exactly."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.leads.domain.identity import Key

if TYPE_CHECKING:
    from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Merge:
    """One merge. What was moved: `keys` and `leads` of the absorbed contact.

    `portrait` is the survivor's description before, `last` the place in the log of the survivor's
    last interaction before, `ended_lead` the open lead that ended in `kept_lead`.
    """

    id: UUID
    survivor_id: UUID
    absorbed_id: UUID
    reason: str
    merged_by: str
    merged_at: datetime
    keys: tuple[Key, ...]
    portrait: dict[str, Any]
    last: int
    leads: tuple[UUID, ...] = ()
    ended_lead: UUID | None = None
    kept_lead: UUID | None = None
    undone_at: datetime | None = None
    n: int = 0


async def add(connection: "Connection", merge: Merge) -> None:
    """Record a merge."""
    record = {
        "identities": [[key.kind, key.value] for key in merge.keys],
        "leads": [str(lead) for lead in merge.leads],
        "portrait": merge.portrait,
        "last": merge.last,
        "ended_lead": str(merge.ended_lead) if merge.ended_lead else None,
        "kept_lead": str(merge.kept_lead) if merge.kept_lead else None,
    }
    await connection.execute(
        "INSERT INTO merges (id, survivor_id, absorbed_id, reason, merged_by, merged_at, record)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        merge.id, merge.survivor_id, merge.absorbed_id, merge.reason, merge.merged_by,
        merge.merged_at, record,
    )  # fmt: skip


async def read(connection: "Connection", merge_id: UUID) -> Merge | None:
    """One merge."""
    row = await connection.fetchrow("SELECT * FROM merges WHERE id = $1", merge_id)
    if row is None:
        return None
    record = row["record"]
    return Merge(
        id=row["id"],
        survivor_id=row["survivor_id"],
        absorbed_id=row["absorbed_id"],
        reason=row["reason"],
        merged_by=row["merged_by"],
        merged_at=row["merged_at"],
        keys=tuple(Key(kind, value) for kind, value in record["identities"]),
        leads=tuple(UUID(lead) for lead in record["leads"]),
        portrait=record["portrait"],
        last=record["last"],
        ended_lead=UUID(record["ended_lead"]) if record["ended_lead"] else None,
        kept_lead=UUID(record["kept_lead"]) if record["kept_lead"] else None,
        undone_at=row["undone_at"],
        n=row["n"],
    )


async def later(connection: "Connection", merge: Merge) -> UUID | None:
    """The latest standing merge that the survivor went through after this one."""
    found: UUID | None = await connection.fetchval(
        "SELECT id FROM merges WHERE n > $1 AND undone_at IS NULL"
        " AND (survivor_id = $2 OR absorbed_id = $2) ORDER BY n DESC LIMIT 1",
        merge.n,
        merge.survivor_id,
    )
    return found


async def standing(connection: "Connection", contact_id: UUID) -> list[UUID]:
    """The merges into the contact that were not undone, the latest first."""
    rows = await connection.fetch(
        "SELECT id FROM merges WHERE survivor_id = $1 AND undone_at IS NULL ORDER BY n DESC",
        contact_id,
    )
    return [row["id"] for row in rows]


async def mark_undone(connection: "Connection", merge: Merge, now: datetime, by: str) -> None:
    """Record that a merge was taken back."""
    await connection.execute(
        "UPDATE merges SET undone_at = $2, undone_by = $3 WHERE id = $1", merge.id, now, by
    )


async def kept_apart(connection: "Connection", one: UUID, other: UUID) -> bool:
    """Whether a person undid a merge of these two; then only a person may merge them again."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM merges WHERE undone_at IS NOT NULL AND"
        " ((survivor_id = $1 AND absorbed_id = $2) OR (survivor_id = $2 AND absorbed_id = $1)))",
        one,
        other,
    )
    return found
