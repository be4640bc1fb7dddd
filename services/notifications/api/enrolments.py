"""Who is in which sequence, and taking somebody out."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.notifications.api.answers import (
    ContactId,
    Cursor,
    Limit,
    MayLook,
    MayWrite,
    next_cursor,
    not_found,
    page,
    problems,
)
from services.notifications.api.bodies import EnrolmentBody, EnrolmentPage, EnrolmentState
from services.notifications.store import listing
from services.notifications.usecases.cancel import cancel
from services.runtime.problems import Problem

if TYPE_CHECKING:
    from services.runtime.host import Host


class EnrolmentRoutes:
    """GET /enrolments, POST /enrolments/{id}/cancel."""

    def __init__(self, host: "Host") -> None:
        self._host = host

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        router.add_api_route(
            "/enrolments",
            self.enrolments,
            summary="Enrolments",
            tags=["enrolments"],
            responses=problems(401, 403, 422),
        )
        router.add_api_route(
            "/enrolments/{enrolment_id}/cancel",
            self.cancel,
            methods=["POST"],
            summary="End an enrolment",
            tags=["enrolments"],
            responses=problems(401, 403, 404, 409, 422),
        )

    async def enrolments(
        self,
        _caller: MayLook,
        contact: ContactId = None,
        state: Annotated[EnrolmentState | None, Query(description="Only in this state.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> EnrolmentPage:
        """Enrolments, the newest first."""
        asked = page(limit, cursor, contact=contact, state=state)
        async with self._host.database.pool.acquire() as connection:
            rows = await listing.enrolments(connection, asked)
        found = [EnrolmentBody.model_validate(dict(row)) for row in rows]
        last = found[-1] if found else None
        after = next_cursor(limit, len(found), last.enrolled_at, last.id) if last else None
        return EnrolmentPage(enrolments=found, next=after)

    async def cancel(self, enrolment_id: UUID, _caller: MayWrite) -> EnrolmentBody:
        """No further message of this enrolment starts; one that is on its way stays on it."""
        async with self._host.work() as work:
            ended = await cancel(work, enrolment_id)
            row = await listing.enrolment(work.connection, enrolment_id)
        if ended is None or row is None:
            raise not_found("enrolment")
        before, changed = ended
        if not changed:
            detail = f"It ended before: {before.state}."
            raise Problem(409, "The enrolment has ended", detail, remedy="There is nothing to cancel.")
        return EnrolmentBody.model_validate({**row, "next_due_at": None})
