"""Who is calling, as it happens: server-sent events."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Header

from services.leads.live.board import Board, Full
from services.runtime.auth import Holding, holding
from services.runtime.event_stream import EventStream
from services.runtime.patience import wait_any
from services.runtime.problems import Problem

if TYPE_CHECKING:
    from services.runtime.host import Host

_PATIENCE_SECONDS = 5.0
_LAST = Header(
    alias="Last-Event-ID",
    max_length=60,
    description="The id of the last event that was seen: what came since is sent first.",
)
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`identified` with the data of crm.calls.identified.v1 while it rings; `answered`"
        " and `ended` with the call's id; `reset` when what is shown should be forgotten. First comes"
        " whatever rings. A comment every 15 seconds keeps the connection.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": "id: 812-4021-1772442902\nevent: answered\n"
                'data: {"call_id": "04260018-d217-5815-88e4-00e02500b0a5", "agent": "101",'
                ' "occurred_at": "2026-03-02T09:15:02Z"}\n\n',
            }
        },
    }
}


class CallRoutes:
    """/calls/live."""

    def __init__(self, host: "Host", board: Board) -> None:
        self._host = host
        self._board = board

    def add_to(self, router: APIRouter) -> None:
        """Register the route."""
        router.get(
            "/calls/live",
            tags=["calls"],
            summary="Who is calling, as it happens",
            status_code=200,
            response_class=EventStream,
            responses=_EVENTS,
        )(self.live)

    async def live(
        self,
        held: Annotated[Holding, Depends(holding("sales"))],
        last: Annotated[str | None, _LAST] = None,
    ) -> EventStream:
        """Goes on until the caller leaves, falls far behind, or their token is taken back."""
        if not await wait_any(self._board.ready, timeout=_PATIENCE_SECONDS):
            raise _later("The bus does not say which calls there are.")
        try:
            listener = self._board.listen(last, self._host.clock.now())
        except Full:
            raise _later("As many look on here as may: LEADWIRE_LEADS_LIVE_LISTENERS.") from None
        return EventStream(
            listener, self._host.stopping, held.still, left=lambda: self._board.leave(listener)
        )


def _later(detail: str) -> Problem:
    return Problem(
        503, "Not possible now", detail, remedy="Try again in a few seconds.", headers={"Retry-After": "5"}
    )
