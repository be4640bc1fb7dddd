"""Looking at deals and moving them."""

from typing import TYPE_CHECKING, Literal
from uuid import UUID

from fastapi import APIRouter

from services.deals.api.answers import Cursor, Limit, MayLook, MaySell, problems, told
from services.deals.api.bodies import (
    DealBody,
    DealPage,
    HistoryBody,
    MoveBody,
    Name,
    Person,
    TaskBody,
    WholeDealBody,
    cursor_behind,
    row_behind,
)
from services.deals.domain.rules import Rules
from services.deals.errors import DealNotFound
from services.deals.store import listing, tasks
from services.deals.usecases.move_deal import move_deal
from services.runtime.definitions import Definitions
from services.runtime.publishing import BusUnavailable

if TYPE_CHECKING:
    from services.runtime.host import Host


class DealRoutes:
    """/deals and what is below it."""

    def __init__(self, host: "Host", definitions: Definitions[Rules]) -> None:
        self._host = host
        self._definitions = definitions

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        router.get("/deals", tags=["deals"], summary="Deals, the newest first")(self.list_deals)
        router.get(
            "/deals/{deal_id}",
            tags=["deals"],
            summary="A deal, its way and its tasks",
            responses=problems(404),
        )(self.show_deal)
        router.post(
            "/deals/{deal_id}/move",
            tags=["deals"],
            summary="Move a deal to another stage",
            responses=problems(404, 409),
        )(self.move)

    def _rules(self) -> Rules:
        if not self._definitions.loaded.is_set():
            raise BusUnavailable("the definitions have not been read yet")
        return self._definitions.current

    async def list_deals(
        self,
        _caller: MayLook,
        funnel: Name | None = None,
        stage: Name | None = None,
        owner: Person | None = None,
        status: Literal["open", "won", "lost", "merged"] | None = None,
        contact: UUID | None = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> DealPage:
        """Pages of deals; filters narrow them down. A merged contact's id finds the one it became."""
        behind = row_behind(cursor)
        async with self._host.database.pool.acquire() as connection:
            found = await listing.page(
                connection,
                funnel=funnel,
                stage=stage,
                owner=owner,
                status=status,
                contact_id=contact,
                after=behind,
                limit=limit + 1,
            )
        shown = found[:limit]
        following = cursor_behind(shown[-1].opened_at, shown[-1].id) if len(found) > limit else None
        rules = self._rules()
        return DealPage(deals=[DealBody.of(deal, rules) for deal in shown], next=following)

    async def show_deal(self, _caller: MayLook, deal_id: UUID) -> WholeDealBody:
        """One deal with every stage it was in, and its tasks."""
        async with self._host.database.pool.acquire() as connection:
            deal = await listing.find(connection, deal_id)
            way = await listing.history(connection, deal_id)
            todo = await tasks.of_deal(connection, deal_id)
        with told():
            if deal is None:
                raise DealNotFound(deal_id)
        return WholeDealBody(
            **DealBody.of(deal, self._rules()).model_dump(),
            history=[HistoryBody.of(line) for line in way],
            tasks=[TaskBody.of(task) for task in todo],
        )

    async def move(self, caller: MaySell, deal_id: UUID, body: MoveBody) -> DealBody:
        """Move a deal if nobody was faster. The rules of the stages it leaves and enters are followed."""
        rules = self._rules()
        with told():
            async with self._host.work() as work:
                deal = await move_deal(
                    work,
                    rules,
                    deal_id,
                    to=body.to,
                    funnel=body.funnel,
                    version=body.version,
                    by=caller.name,
                )
        return DealBody.of(deal, rules)
