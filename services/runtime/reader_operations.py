"""How far each stream is read, and what an operator does when a stream has lost something."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from services.runtime import outbox, positions
from services.runtime.auth import require
from services.runtime.feed import FeedBroken, stream_state
from services.runtime.inputs import Line, Moment
from services.runtime.problems import Problem
from services.runtime.reader import Reader

if TYPE_CHECKING:
    from services.runtime.host import Host


class Reading(BaseModel):
    """One reader."""

    stream: str = Field(examples=["INTAKE"])
    position: int | None = Field(
        description="Last sequence that is settled; null before the first start.", examples=[1187]
    )
    last: int = Field(description="Last sequence in the stream.", examples=[1187])
    problem: str | None = Field(description="Why it does not read; null when it does.")


class Skip(BaseModel):
    """Where to go on, and why."""

    model_config = ConfigDict(extra="forbid")

    to: StrictInt = Field(
        ge=0,
        le=2**63 - 1,
        description="The last sequence to pass over; reading goes on behind it.",
        examples=[1204],
    )
    reason: Line = Field(description="For the journal.", examples=["restored from a backup"])


class Skipped(BaseModel):
    """Where the reader stood and stands."""

    stood: int = Field(examples=[1187])
    stands: int = Field(examples=[1204])


class Since(BaseModel):
    """From when on."""

    model_config = ConfigDict(extra="forbid")

    since: Moment = Field(
        description="Facts published at this time or later.", examples=["2026-01-15T10:00:00Z"]
    )


class Again(BaseModel):
    """What the relay will publish once more."""

    facts: int = Field(examples=[42])


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
        return [await _reading(host, reader) for reader in host.readers.values()]

    @router.post("/{stream}/skip", summary="Pass over what cannot be read any more")
    async def skip(stream: Annotated[str, Path(examples=["INTAKE"])], body: Skip) -> Skipped:
        if stream not in host.readers:
            raise _no_reader(host, stream)
        state = await stream_state(host.bus, stream)
        if body.to > state.last_seq:
            raise _not_there_yet(state.last_seq)
        async with host.work() as work:
            stood = await positions.skip(
                work.connection, stream, host.name, to=body.to, stream_created=state.created
            )
            work.note(f"reader of {stream} skipped from {stood} to {body.to}: {body.reason}")
        return Skipped(stood=stood or 0, stands=body.to)

    return router


async def _reading(host: "Host", reader: Reader) -> Reading:
    stream, problem, last = reader.stream, reader.problem, 0
    try:
        last = (await stream_state(host.bus, stream)).last_seq
    except FeedBroken as missing:
        problem = str(missing)
    position: Any = await host.database.pool.fetchval(
        "SELECT seq FROM positions WHERE stream = $1 AND grp = $2", stream, host.name
    )
    return Reading(stream=stream, position=position, last=last, problem=problem)


def _not_there_yet(last: int) -> Problem:
    return Problem(
        422,
        "The request is not valid",
        f"The stream ends at {last}: what has not come in yet cannot be passed over.",
        field="to",
        remedy=f"Name {last} or less.",
    )


def _no_reader(host: "Host", stream: str) -> Problem:
    known = ", ".join(host.readers) or "none"
    return Problem(
        404,
        "No such reader",
        f"{host.name} does not read {stream}; it reads {known}.",
        field="stream",
        remedy="`leadwire reader list` shows every reader.",
    )
