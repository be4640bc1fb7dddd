"""The list of leads, and what becomes of one."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.leads.api.answers import Cursor, Limit, MaySell, cursor_behind, problems, row_behind, told
from services.leads.api.bodies import LeadBody, LeadPage, StatusBody
from services.leads.domain.lead import Status
from services.leads.errors import Unknown
from services.leads.store import leads
from services.leads.usecases.settle_lead import settle_lead

if TYPE_CHECKING:
    from services.runtime.host import Host

Owner = Annotated[
    str | None,
    Query(pattern=r"^[^\x00-\x1f]{1,200}$", description="A member of the team.", examples=["anna"]),
]


class LeadRoutes:
    """/leads."""

    def __init__(self, host: "Host") -> None:
        self._host = host

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        router.get("/leads", tags=["leads"], summary="Leads, the newest first")(self.list_leads)
        router.get("/leads/{lead_id}", tags=["leads"], summary="A lead", responses=problems(404))(self.show)
        router.post(
            "/leads/{lead_id}/status",
            tags=["leads"],
            summary="Qualify or close a lead",
            responses=problems(404, 409),
        )(self.settle)

    async def list_leads(
        self,
        _caller: MaySell,
        status: Status | None = None,
        owner: Owner = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> LeadPage:
        """Pages of leads; filters narrow them down."""
        behind = row_behind(cursor)
        after = leads.Page(*behind) if behind else None
        async with self._host.database.pool.acquire() as connection:
            rows = await leads.listed(connection, status=status, owner=owner, after=after, limit=limit + 1)
        shown = [LeadBody(**row) for row in rows[:limit]]
        following = cursor_behind(shown[-1].captured_at, shown[-1].id) if len(rows) > limit else None
        return LeadPage(leads=shown, next=following)

    async def show(self, _caller: MaySell, lead_id: UUID) -> LeadBody:
        """One lead."""
        async with self._host.database.pool.acquire() as connection:
            row = await leads.shown(connection, lead_id)
        with told():
            if row is None:
                raise Unknown("lead", lead_id)
        return LeadBody(**row)

    async def settle(self, caller: MaySell, lead_id: UUID, body: StatusBody) -> LeadBody:
        """Qualified: a deal goes on with it. Closed: nothing came of it. The next touch is a new lead."""
        with told():
            async with self._host.work() as work:
                await settle_lead(lead_id, body.status, work, reason=body.reason)
        return await self.show(caller, lead_id)
