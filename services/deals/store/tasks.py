"""Tasks: given out in sets, closed by people or with their deal."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from services.deals.store.filters import Row, behind, where

if TYPE_CHECKING:
    from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Task:
    """Something for a person to do by a time. `dropped` means that its deal no longer needs it."""

    id: UUID
    deal_id: UUID
    title: str
    assignee: str | None
    due_at: datetime
    status: Literal["open", "done", "dropped"]
    created_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None


_COLUMNS = "id, deal_id, title, assignee, due_at, status, created_at, closed_at, closed_by"
_row = attrgetter(*_COLUMNS.split(", "))


async def insert(connection: "Connection", tasks: Collection[Task]) -> None:
    """Write new tasks."""
    if tasks:
        await connection.execute(
            f"""
            INSERT INTO tasks ({_COLUMNS})
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[],
                                 $6::text[], $7::timestamptz[], $8::timestamptz[], $9::text[])
            """,
            *zip(*map(_row, tasks), strict=True),
        )


async def drop_of_deals(connection: "Connection", deal_ids: Collection[UUID], at: datetime) -> None:
    """Close the open tasks of deals that ended."""
    await connection.execute(
        "UPDATE tasks SET status = 'dropped', closed_at = $2"
        " WHERE deal_id = ANY($1::uuid[]) AND status = 'open'",
        list(deal_ids),
        at,
    )


async def restore_of_deal(connection: "Connection", deal_id: UUID, dropped_at: datetime) -> None:
    """Open the tasks again that were dropped at this time, with their deal."""
    await connection.execute(
        "UPDATE tasks SET status = 'open', closed_at = NULL"
        " WHERE deal_id = $1 AND status = 'dropped' AND closed_at = $2",
        deal_id,
        dropped_at,
    )


async def lock(connection: "Connection", task_id: UUID) -> Task | None:
    """A task, held until the transaction ends."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM tasks WHERE id = $1 FOR UPDATE", task_id)
    return Task(*row.values()) if row else None


async def finish(connection: "Connection", task_id: UUID, by: str, at: datetime) -> None:
    """Mark a task as done."""
    await connection.execute(
        "UPDATE tasks SET status = 'done', closed_at = $3, closed_by = $2 WHERE id = $1",
        task_id,
        by,
        at,
    )


async def of_deal(connection: "Connection", deal_id: UUID) -> list[Task]:
    """The tasks of a deal, the earliest due first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM tasks WHERE deal_id = $1 ORDER BY due_at, id", deal_id
    )
    return [Task(*row.values()) for row in rows]


async def page(
    connection: "Connection",
    assignee: str | None,
    is_open: bool | None,
    after: Row | None,
    limit: int,
) -> list[Task]:
    """Tasks, the earliest due first, behind the one that `after` names."""
    wanted, values = where({"assignee = {0}": assignee})
    wanted += {None: "", True: " AND status = 'open'", False: " AND status <> 'open'"}[is_open]
    following = behind("due_at, id", ">", after, values)
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM tasks WHERE {wanted} AND {following}"
        f" ORDER BY due_at, id LIMIT ${len(values) + 1}",
        *values,
        limit,
    )
    return [Task(*row.values()) for row in rows]
