"""Looking at tasks and completing them."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.deals.api.answers import Cursor, Limit, MayLook, MaySell, problems, told
from services.deals.api.bodies import Person, TaskBody, TaskPage, cursor_behind, row_behind
from services.deals.store import tasks
from services.deals.usecases.complete_task import complete_task

if TYPE_CHECKING:
    from services.runtime.host import Host

IsOpen = Annotated[bool | None, Query(alias="open", description="Only open ones, or only closed.")]


class TaskRoutes:
    """/tasks and what is below it."""

    def __init__(self, host: "Host") -> None:
        self._host = host

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        router.get("/tasks", tags=["tasks"], summary="Tasks, the earliest due first")(self.list_tasks)
        router.post(
            "/tasks/{task_id}/complete",
            tags=["tasks"],
            summary="Mark a task as done",
            responses=problems(404, 409),
        )(self.complete)

    async def list_tasks(
        self,
        _caller: MayLook,
        assignee: Person | None = None,
        is_open: IsOpen = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> TaskPage:
        """Pages of tasks; filters narrow them down."""
        behind = row_behind(cursor)
        async with self._host.database.pool.acquire() as connection:
            found = await tasks.page(connection, assignee, is_open, behind, limit + 1)
        shown = found[:limit]
        following = cursor_behind(shown[-1].due_at, shown[-1].id) if len(found) > limit else None
        return TaskPage(tasks=[TaskBody.of(task) for task in shown], next=following)

    async def complete(self, caller: MaySell, task_id: UUID) -> TaskBody:
        """Close a task that somebody has done; doing so again changes nothing."""
        with told():
            async with self._host.work() as work:
                task = await complete_task(work, task_id, by=caller.name)
        return TaskBody.of(task)
