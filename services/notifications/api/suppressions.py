"""Who must not be written to."""

from typing import TYPE_CHECKING

from fastapi import APIRouter

from services.notifications.api.answers import (
    Cursor,
    Limit,
    MayLook,
    MayWrite,
    next_cursor,
    page,
    problems,
)
from services.notifications.api.bodies import (
    NewSuppression,
    SuppressionAdded,
    SuppressionBody,
    SuppressionPage,
)
from services.notifications.content.mime import usable_address
from services.notifications.store import listing
from services.notifications.usecases.opt_out import Withdraw, suppress
from services.runtime.problems import Problem

if TYPE_CHECKING:
    from services.runtime.host import Host


class SuppressionRoutes:
    """GET and POST /suppressions."""

    def __init__(self, host: "Host", withdraw: Withdraw) -> None:
        self._host = host
        self._withdraw = withdraw

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        router.add_api_route(
            "/suppressions",
            self.suppressions,
            summary="Opt-outs",
            tags=["suppressions"],
            responses=problems(401, 403, 422),
        )
        router.add_api_route(
            "/suppressions",
            self.add,
            methods=["POST"],
            summary="Never write to an address again",
            tags=["suppressions"],
            responses=problems(401, 403, 422),
        )

    async def suppressions(
        self, _caller: MayLook, limit: Limit = 50, cursor: Cursor = None
    ) -> SuppressionPage:
        """Opt-outs, the newest first."""
        asked = page(limit, cursor)
        async with self._host.database.pool.acquire() as connection:
            rows = await listing.suppressions(connection, asked)
        found = [SuppressionBody.model_validate(dict(row)) for row in rows]
        last = found[-1] if found else None
        after = next_cursor(limit, len(found), last.added_at, last.id) if last else None
        return SuppressionPage(suppressions=found, next=after)

    async def add(self, wish: NewSuppression, caller: MayWrite) -> SuppressionAdded:
        """Holds from the moment of the answer: no message to this address starts any more."""
        address = usable_address(wish.address)
        if address is None:
            remedy = "Write it like ann@example.com."
            raise Problem(422, "The request is not valid", "this is no address", "address", remedy)
        async with self._host.work() as work:
            done = await suppress(work, address, caller.name, self._withdraw)
        return SuppressionAdded(added=done.added, enrolments_ended=done.ended)
