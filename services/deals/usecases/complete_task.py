"""A person has done a task."""

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from services.deals.errors import TaskDropped, TaskNotFound
from services.deals.store import listing, tasks
from services.deals.store.tasks import Task

if TYPE_CHECKING:
    from services.runtime.work import Work


async def complete_task(work: "Work", task_id: UUID, *, by: str) -> Task:
    """Mark a task as done; one that is done already stays as it is.

    Raises TaskNotFound or TaskDropped.
    """
    task = await tasks.lock(work.connection, task_id)
    if task is None:
        raise TaskNotFound(task_id)
    if task.status == "dropped":
        raise TaskDropped
    if task.status == "done":
        return task
    await tasks.finish(work.connection, task_id, by, work.now)
    deal = await listing.find(work.connection, task.deal_id)
    if deal:
        work.note(
            "completed task",
            names=(task.id, deal.id, deal.lead.id, deal.contact_id),
            correlation=deal.correlation,
        )
    return replace(task, status="done", closed_at=work.now, closed_by=by)
