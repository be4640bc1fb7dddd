"""What was sent to whom, and what became of it."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from services.notifications.api.answers import (
    ContactId,
    Cursor,
    Limit,
    MayLook,
    next_cursor,
    page,
    problems,
)
from services.notifications.api.bodies import MessageBody, MessagePage
from services.notifications.domain.enrolment import MessageState
from services.notifications.store import listing

if TYPE_CHECKING:
    from services.runtime.host import Host


class MessageRoutes:
    """GET /messages."""

    def __init__(self, host: "Host") -> None:
        self._host = host

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        router.add_api_route(
            "/messages",
            self.messages,
            summary="Messages",
            tags=["messages"],
            responses=problems(401, 403, 422),
        )

    async def messages(
        self,
        _caller: MayLook,
        contact: ContactId = None,
        state: Annotated[MessageState | None, Query(description="Only in this state.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> MessagePage:
        """Messages, the newest first; `state=unknown` lists those of which nobody can tell."""
        asked = page(limit, cursor, contact=contact, state=state)
        async with self._host.database.pool.acquire() as connection:
            rows = await listing.messages(connection, asked)
        found = [MessageBody.model_validate(dict(row)) for row in rows]
        last = found[-1] if found else None
        after = next_cursor(limit, len(found), last.created_at, last.id) if last else None
        return MessagePage(messages=found, next=after)
