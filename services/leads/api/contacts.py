"""Finding people, merging two that are one, and undoing that."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.leads.api.answers import Cursor, Limit, MaySell, cursor_behind, problems, row_behind, told
from services.leads.api.bodies import (
    ContactBody,
    ContactsBody,
    MergeBody,
    MergeRequestBody,
    MomentBody,
    WholeContactBody,
)
from services.leads.domain.identity import readings
from services.leads.domain.rules import Rules
from services.leads.errors import Unknown
from services.leads.store import contacts, merges, touches
from services.leads.usecases.merge_contacts import merge_contacts
from services.leads.usecases.unmerge_contacts import unmerge_contacts
from services.runtime.definitions import Definitions

if TYPE_CHECKING:
    from services.runtime.host import Host

Asked = Annotated[
    str,
    Query(
        min_length=1,
        max_length=320,
        description="A phone in any spelling, an email address, or kind:id.",
        examples=["8 (926) 123-45-67", "ivan@example.com", "telegram:4711"],
    ),
]


class ContactRoutes:
    """/contacts and /merges."""

    def __init__(self, host: "Host", definitions: Definitions[Rules]) -> None:
        self._host = host
        self._definitions = definitions

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        router.get("/contacts", tags=["contacts"], summary="Who a phone, address or id belongs to")(self.find)
        router.get(
            "/contacts/{contact_id}",
            tags=["contacts"],
            summary="A contact with its timeline",
            responses=problems(404),
        )(self.show)
        router.post(
            "/contacts/merge",
            tags=["contacts"],
            summary="Merge two contacts that are one person",
            status_code=201,
            responses=problems(404, 409),
        )(self.merge)
        router.post(
            "/merges/{merge_id}/undo",
            tags=["contacts"],
            summary="Take a merge back exactly",
            responses=problems(404, 409),
        )(self.undo)

    async def find(self, _caller: MaySell, identity: Asked) -> ContactsBody:
        """Contacts by identity. Nobody found is an empty list."""
        keys = readings(identity, self._definitions.current.recognition.region)
        async with self._host.database.pool.acquire() as connection:
            owners = sorted(set((await contacts.owners(connection, keys)).values()))
            found = [await contacts.read(connection, owner) for owner in owners]
        return ContactsBody(contacts=[ContactBody.of(contact) for contact in found if contact])

    async def show(
        self, _caller: MaySell, contact_id: UUID, cursor: Cursor = None, limit: Limit = 50
    ) -> WholeContactBody:
        """One contact. A merged one says which contact goes on for it."""
        behind = row_behind(cursor)
        before = touches.Moment(*behind) if behind else None
        async with self._host.database.pool.acquire() as connection:
            contact = await contacts.read(connection, contact_id)
            rows = await touches.timeline(connection, contact_id, before=before, limit=limit + 1)
            standing = await merges.standing(connection, contact_id)
        with told():
            if contact is None:
                raise Unknown("contact", contact_id)
        shown = [MomentBody(**row) for row in rows[:limit]]
        following = cursor_behind(shown[-1].at, shown[-1].id) if len(rows) > limit else None
        return WholeContactBody(
            **ContactBody.of(contact).model_dump(), merges=standing, timeline=shown, next=following
        )

    async def merge(self, caller: MaySell, body: MergeRequestBody) -> MergeBody:
        """Everything the absorbed contact has goes to the one that stays; it can be undone exactly."""
        with told():
            async with self._host.work() as work:
                merge_id = await merge_contacts(
                    body.contact_id, body.absorbed_id, work, reason=body.reason, by=caller.name
                )
        return await self._merge(merge_id)

    async def undo(self, caller: MaySell, merge_id: UUID) -> MergeBody:
        """Both contacts stand again as they were; what came since stays with the one that stayed.

        The two are not merged by themselves again, only by a person.
        """
        with told():
            async with self._host.work() as work:
                await unmerge_contacts(merge_id, work, self._definitions.current, by=caller.name)
        return await self._merge(merge_id)

    async def _merge(self, merge_id: UUID) -> MergeBody:
        async with self._host.database.pool.acquire() as connection:
            merge = await merges.read(connection, merge_id)
        with told():
            if merge is None:
                raise Unknown("merge", merge_id)
        return MergeBody.of(merge)
