"""HTTP for files: what there is of an interaction or a call, the bytes, and what operators may do."""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from contracts.files import WhyNot
from services.connectors.domain.file import Owner, State
from services.connectors.errors import Gone, NotStored
from services.connectors.files.fetching import sweep
from services.connectors.files.places import Place
from services.connectors.files.sniffing import UNKNOWN, may_be_shown
from services.connectors.store import files
from services.connectors.usecases.settle_files import fetch_again, forget
from services.runtime.auth import require
from services.runtime.inputs import Moment
from services.runtime.problems import Problem, ProblemBody

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()
MayLook = Depends(require("sales", "marketing", "operator"))
FileId = Annotated[UUID, Path(examples=["5f0f6b1e-3b0a-5f7e-9a56-2f6f1d0b7c11"])]
_EXAMPLE: dict[str, JsonValue] = {
    "file_id": "5f0f6b1e-3b0a-5f7e-9a56-2f6f1d0b7c11",
    "owner": "call",
    "owner_id": "04260018-d217-5815-88e4-00e02500b0a5",
    "channel": "office-phone",
    "kind": "mango",
    "name": "recording-20261120-110402.mp3",
    "state": "kept",
    "size": 184320,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "content_type": "audio/mpeg",
    "claimed_type": None,
    "attempts": 2,
    "wanted_at": "2026-11-20T11:04:03Z",
    "due_at": None,
    "settled_at": "2026-11-20T11:06:31Z",
    "why": None,
    "detail": "",
}

_NOT_HERE: dict[State, str] = {
    "wanted": "Wait: it is fetched, or given up after a while.",
    "given_up": "An operator has it tried again: POST /api/connectors/files/{file_id}/fetch.",
    "erased": "It is gone for good: ask whoever sent it.",
}


class FileView(BaseModel):
    """One attachment or recording, and how far it is."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE}, from_attributes=True)

    file_id: UUID
    owner: Owner
    owner_id: UUID = Field(description="The interaction or the call.")
    channel: str
    kind: str
    name: str
    state: State
    size: int | None = Field(description="Bytes, once they are here.")
    sha256: str | None
    content_type: str | None = Field(description="As the bytes show it.")
    claimed_type: str | None = Field(description="As the sender says it.")
    attempts: int
    wanted_at: datetime
    due_at: datetime | None = Field(description="When it is tried next, while it is wanted.")
    settled_at: datetime | None
    why: WhyNot | None = Field(description="Why it was given up.")
    detail: str = Field(description="The last failure.")


def files_api(host: "Host", place: Place) -> APIRouter:
    """The routes under /files."""
    router = APIRouter(tags=["connectors"])
    _add_list(router, host)
    _add_bytes(router, host, place)
    _add_operating(router, host, place)
    return router


def _add_list(router: APIRouter, host: "Host") -> None:
    @router.get("/files", dependencies=[MayLook], responses=_problems(422))
    async def list_files(
        interaction_id: Annotated[
            UUID | None, Query(description="Files of this interaction or call.")
        ] = None,
        state: Annotated[State | None, Query(description="All files in this state, latest first.")] = None,
        before: Annotated[
            Moment | None,
            Query(description="Wanted before; for paging.", examples=["2026-01-15T10:00:00Z"]),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> list[FileView]:
        """What there is of an interaction or a call, or what is in a state, such as given_up."""
        if (interaction_id is None) == (state is None):
            detail = "It has to be either the files of one owner or those in one state."
            remedy = "Say either interaction_id or state."
            raise Problem(422, "Which files?", detail, field="interaction_id", remedy=remedy)
        latest = before or host.clock.now() + timedelta(days=1)
        async with host.database.pool.acquire() as connection:
            if interaction_id is not None:
                rows = await files.of_owner(connection, interaction_id)
            else:
                rows = await files.in_state(connection, str(state), latest, limit)
        return [_view(row) for row in rows]


def _add_bytes(router: APIRouter, host: "Host", place: Place) -> None:
    @router.get(
        "/files/{file_id}",
        dependencies=[MayLook],
        response_class=Response,
        responses={
            200: {"content": {UNKNOWN: {}}, "description": "The bytes."},
            **_problems(404, 410, 503),
        },
    )
    async def download_file(file_id: FileId) -> StreamingResponse:
        """The bytes. Only pictures, sound and film may be shown in place; all else is to be saved."""
        row = await _found(host, file_id)
        if row.state != "kept":
            detail = f"The file is {row.state.replace('_', ' ')}."
            raise Problem(404, "Not here", detail, field="file_id", remedy=_NOT_HERE[row.state])
        parts = place.read(file_id)
        try:
            first = await anext(parts, b"")
        except Gone as gone:
            remedy = "An admin puts it back from a backup, or erases the file."
            raise Problem(410, "No longer kept", str(gone), remedy=remedy) from gone
        except NotStored as away:
            raise Problem(503, "Not available right now", str(away), remedy="Try again later.") from away
        return StreamingResponse(_checked(row, first, parts), headers=_headers(row))


def _add_operating(router: APIRouter, host: "Host", place: Place) -> None:
    @router.post(
        "/files/{file_id}/fetch",
        dependencies=[Depends(require("operator"))],
        responses=_problems(404, 409),
    )
    async def fetch_file_again(file_id: FileId) -> FileView:
        """Try a file again that was given up."""
        row = await _found(host, file_id)
        async with host.work() as work:
            again = await fetch_again(row, work)
        if not again:
            detail = f"The file is {row.state.replace('_', ' ')}: only one that was given up is tried again."
            remedy = "GET /api/connectors/files?state=given_up lists those that were."
            raise Problem(409, "Not given up", detail, field="file_id", remedy=remedy)
        return _view(await _found(host, file_id))

    @router.delete(
        "/files/{file_id}",
        status_code=204,
        dependencies=[Depends(require("admin"))],
        responses=_problems(404, 503),
    )
    async def erase_file(file_id: FileId) -> None:
        """Erase a file for good: its bytes and what is known of it. A replay does not bring it back."""
        await _found(host, file_id)
        async with host.work() as work:
            await forget([file_id], work, "an admin said so")
        try:
            await sweep(host, place, file_id)
        except NotStored as away:
            detail = f"It is forgotten, and its bytes are erased as soon as they can be: {away}"
            raise Problem(503, "Not all of it yet", detail, remedy="Nothing: it is tried again.") from away


async def _found(host: "Host", file_id: UUID) -> files.Row:
    async with host.database.pool.acquire() as connection:
        row = await files.read(connection, file_id)
    if row is None:
        remedy = "GET /api/connectors/files?interaction_id=... lists those of an interaction or a call."
        raise Problem(404, "No such file", "There is no file of this id.", field="file_id", remedy=remedy)
    return row


def _view(row: files.Row) -> FileView:
    view = FileView.model_validate(row)
    return view if row.state == "wanted" else view.model_copy(update={"due_at": None})


async def _checked(row: files.Row, first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes, unless they are not those that were kept: then the answer breaks off before its end."""
    seen = hashlib.sha256(first)
    held = first
    async for part in parts:
        yield held
        seen.update(part)
        held = part
    if seen.hexdigest() != row.sha256:
        log.error("file.damaged", file=str(row.file_id))
        raise Gone("the bytes are not those that were kept")
    yield held


def _headers(row: files.Row) -> dict[str, str]:
    shown = may_be_shown(row.content_type or UNKNOWN)
    plain = row.name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    where = "inline" if shown else "attachment"
    return {
        "Content-Type": (row.content_type or UNKNOWN) if shown else UNKNOWN,
        "Content-Length": str(row.size),
        "Content-Disposition": f"{where}; filename=\"{plain}\"; filename*=UTF-8''{quote(row.name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
        "ETag": f'"{row.sha256}"',
    }


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ProblemBody} for status in statuses}
