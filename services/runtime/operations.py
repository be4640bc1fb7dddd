"""What an operator does about parked messages, under the API of each service."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, Field

from services.runtime import parked
from services.runtime.auth import require
from services.runtime.problems import Problem

if TYPE_CHECKING:
    from services.runtime.host import Host


class Listed(BaseModel):
    """What is parked, oldest first."""

    items: list[dict[str, Any]] = Field(
        description="id, type, key, stream, recovery, reason, attempts, next_try, parked_at."
    )


class Result(BaseModel):
    """What became of it."""

    result: str = Field(examples=["handled"])


class Reason(BaseModel):
    """Why an operator gives something up."""

    reason: str = Field(default="", max_length=500, examples=["a test"])


def operations(host: "Host") -> APIRouter:
    """Routes under /dead of one service; they take the role operator."""
    router = APIRouter(prefix="/dead", tags=["operations"], dependencies=[Depends(require("operator"))])

    @router.get("", summary="What is parked")
    async def listed() -> Listed:
        async with host.database.pool.acquire() as connection:
            return Listed(items=await parked.listing(connection, host.name))

    @router.get("/{row_id}", summary="One of them, whole")
    async def shown(row_id: int) -> dict[str, Any]:
        return _readable(await _found(host, row_id))

    @router.post("/{row_id}/redrive", summary="Handle it again now")
    async def redrive(row_id: int) -> Result:
        if not await host.redrive.redrive(row_id):
            raise _missing(row_id)
        async with host.database.pool.acquire() as connection:
            left = await parked.show(connection, host.name, row_id)
        return Result(result=f"still parked: {_last_line(left['reason'])}" if left else "handled")

    @router.post("/{row_id}/discard", summary="Give it up for good")
    async def discard(row_id: int, why: Annotated[Reason | None, Body()] = None) -> Result:
        row = await _found(host, row_id)
        if not await host.redrive.discard(row_id):
            raise _missing(row_id)
        if why and why.reason:
            async with host.work() as work:
                did = f"discarded {row['type']}: {why.reason}"
                work.note(did, names=[row["event_id"]], correlation=row["correlation"])
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
