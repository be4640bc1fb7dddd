"""How far each stream is read, and what an operator does when a stream has lost something."""

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from services.runtime import outbox, positions
from services.runtime.auth import require
from services.runtime.feed import stream_state
from services.runtime.problems import Problem

if TYPE_CHECKING:
    from services.runtime.host import Host


class Reading(BaseModel):
    """One reader."""

    stream: str = Field(examples=["INTAKE"])
    position: int | None = Field(description="Last sequence that is settled; null before the first start.")
    last: int = Field(description="Last sequence in the stream.")
    problem: str | None = Field(description="Why it does not read; null when it does.")


class Skip(BaseModel):
    """Where to go on, and why."""

    to: int = Field(ge=0, description="The last sequence to pass over; reading goes on behind it.")
    reason: str = Field(min_length=1, max_length=500, examples=["restored from a backup"])


class Skipped(BaseModel):
    """Where the reader stood and stands."""

    stood: int
    stands: int


class Since(BaseModel):
    """From when on."""

    since: AwareDatetime = Field(description="Facts published at this time or later.")


class Again(BaseModel):
    """What the relay will publish once more."""

    facts: int


def outbox_operations(host: "Host") -> APIRouter:
    """Routes under /outbox of one service; they take the role operator."""
    router = APIRouter(prefix="/outbox", tags=["operations"], dependencies=[Depends(require("operator"))])

    @router.post("/publish-again", summary="Publish once more what a stream has lost")
    async def publish_again(body: Since) -> Again:
        async with host.work() as work:
            facts = await outbox.publish_again(work.connection, body.since)
            work.note(f"publishes {facts} facts again, those since {body.since:%Y-%m-%d %H:%M:%S} UTC")
        host.wake_relay()
        return Again(facts=facts)

    return router


def reader_operations(host: "Host") -> APIRouter:
    """Routes under /readers of one service; they take the role operator."""
    router = APIRouter(prefix="/readers", tags=["operations"], dependencies=[Depends(require("operator"))])

    @router.get("", summary="How far each stream is read")
    async def listed() -> list[Reading]:
        return [await _reading(host, stream) for stream in host.readers]

    @router.post("/{stream}/skip", summary="Pass over what cannot be read any more")
    async def skip(stream: str, body: Skip) -> Skipped:
        if stream not in host.readers:
            raise _no_reader(host, stream)
        created = (await stream_state(host.bus, stream)).created
        async with host.work() as work:
            stood = await positions.skip(
                work.connection, stream, host.name, to=body.to, stream_created=created
            )
            work.note(f"reader of {stream} skipped from {stood} to {body.to}: {body.reason}")
        return Skipped(stood=stood or 0, stands=body.to)

    return router


async def _reading(host: "Host", stream: str) -> Reading:
    state = await stream_state(host.bus, stream)
    position: Any = await host.database.pool.fetchval(
        "SELECT seq FROM positions WHERE stream = $1 AND grp = $2", stream, host.name
    )
    problem = host.readers[stream].problem
    return Reading(stream=stream, position=position, last=state.last_seq, problem=problem)


def _no_reader(host: "Host", stream: str) -> Problem:
    known = ", ".join(host.readers) or "none"
    return Problem(
        404,
        "No such reader",
        f"{host.name} does not read {stream}; it reads {known}.",
        field="stream",
        remedy="`leadwire reader list` shows every reader.",
    )
