"""What an operator does about parked messages, under the API of each service."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from services.runtime import parked
from services.runtime.auth import require
from services.runtime.inputs import Line
from services.runtime.problems import Problem

if TYPE_CHECKING:
    from services.runtime.host import Host


RowId = Annotated[int, Path(ge=1, le=2**63 - 1, description="Its `id` in the list.", examples=[17])]


_ROW: dict[str, Any] = {
    "id": 17,
    "type": "crm.things.made.v1",
    "key": "0c9c1d6e-93f1-5a55-8a39-3f7c2b1e7a20",
    "stream": "CRM_THINGS",
    "recovery": "permanent",
    "reason": "ThingUnknown: there is no such thing",
    "attempts": 1,
    "next_try": None,
    "parked_at": "2026-01-15T10:00:00Z",
}
_SHOWN: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {**_ROW, "body": "{}", "headers": {}}}}}
}


class Listed(BaseModel):
    """What is parked, oldest first."""

    items: list[dict[str, Any]] = Field(
        description="id, type, key, stream, recovery, reason, attempts, next_try, parked_at.",
        examples=[[_ROW]],
    )


class Result(BaseModel):
    """What became of it."""

    result: str = Field(examples=["handled"])


class Reason(BaseModel):
    """Why an operator gives something up."""

    model_config = ConfigDict(extra="forbid")

    reason: Line | None = Field(default=None, description="For the journal.", examples=["a test"])


def operations(host: "Host") -> APIRouter:
    """Routes under /dead of one service; they take the role operator."""
    router = APIRouter(prefix="/dead", tags=["operations"], dependencies=[Depends(require("operator"))])

    @router.get("", summary="What is parked")
    async def listed() -> Listed:
        async with host.database.pool.acquire() as connection:
            return Listed(items=await parked.listing(connection, host.name))

    @router.get("/{row_id}", summary="One of them, whole", responses=_SHOWN)
    async def shown(row_id: RowId) -> dict[str, Any]:
        return _readable(await _found(host, row_id))

    @router.post("/{row_id}/redrive", summary="Handle it again now")
    async def redrive(row_id: RowId) -> Result:
        if not await host.redrive.redrive(row_id):
            raise _missing(row_id)
        async with host.database.pool.acquire() as connection:
            left = await parked.show(connection, host.name, row_id)
        return Result(result=f"still parked: {_last_line(left['reason'])}" if left else "handled")

    @router.post("/{row_id}/discard", summary="Give it up for good")
    async def discard(row_id: RowId, why: Annotated[Reason | None, Body()] = None) -> Result:
        if not await host.redrive.discard(row_id, why.reason if why else None):
            raise _missing(row_id)
        return Result(result="discarded")

    return router


async def _found(host: "Host", row_id: int) -> dict[str, Any]:
    async with host.database.pool.acquire() as connection:
        row = await parked.show(connection, host.name, row_id)
    if row is None:
        raise _missing(row_id)
    return row


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"body": row["body"].decode(errors="replace")}


def _last_line(reason: str) -> str:
    return (reason.strip().splitlines() or [""])[-1]


def _missing(row_id: int) -> Problem:
    return Problem(
        404,
        "Not parked",
        f"Nothing is parked under {row_id}; it may have been handled meanwhile.",
        field="row_id",
        remedy="`leadwire dead list` shows what is parked now.",
    )
