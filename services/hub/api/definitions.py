"""Definitions over HTTP: compare, apply, go back, and what is active."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from services.hub.api.control import Control, problems
from services.hub.definitions import active, limits
from services.hub.definitions.apply import DefinitionSet, NotStaged, apply
from services.hub.definitions.diff import Difference, difference
from services.hub.definitions.findings import DefinitionsRefused
from services.hub.errors import HubProblem
from services.runtime.auth import Caller, require
from services.runtime.problems import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from services.hub.definitions.check import Checked

MayDefine = Annotated[Caller, Depends(require("marketing"))]
Version = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", examples=["4f1c0a9be2d37788"])]

_FINDING: JsonDict = {
    "file": "channels.yaml",
    "line": 12,
    "path": "channels.main-site.kind",
    "message": 'there is no kind "from"',
    "remedy": 'Did you mean "form"?',
}


class Folder(BaseModel):
    """A folder of definitions: the text of each file by its name in the folder."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"files": {"contacts.yaml": "team:\n  anna: {name: Anna}\n"}}},
    )

    files: dict[str, str] = Field(max_length=limits.FILES, description="Name to text.")


class ChangeView(BaseModel):
    """One thing that differs."""

    key: str = Field(examples=["funnels"])
    name: str = Field(examples=["reach"])
    did: str = Field(examples=["changed"], description="added, changed or removed.")
    in_flight: str = Field(examples=["new: 12, talking: 3"], description="What stands there now.")


class DifferenceView(BaseModel):
    """What changes."""

    before: str | None = Field(description="The version that was active; none at first.")
    version: str = Field(description="The version of the folder.")
    changes: list[ChangeView]
    silent: list[str] = Field(description="Services that did not say what is in flight.")
    notes: list[str] = Field(default_factory=list, description="What else people should know.")


class ActivationView(BaseModel):
    """One time that a set was made active."""

    model_config = ConfigDict(from_attributes=True)

    version: str
    at: str
    by: str


class ActiveView(BaseModel):
    """The active set, and those before it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "version": "4f1c0a9be2d37788",
                "definitions": {"team": {"anna": {"name": "Anna"}}},
                "earlier": [{"version": "4f1c0a9be2d37788", "at": "2026-01-15T10:00:00Z", "by": "anna"}],
            }
        }
    )

    version: str | None
    definitions: dict[str, Any] = Field(description="By top-level key.")
    earlier: list[ActivationView] = Field(description="The last activations, the newest first.")


class FindingView(BaseModel):
    """One mistake."""

    file: str
    line: int
    path: str
    message: str
    remedy: str


class RefusedView(BaseModel):
    """A folder with mistakes (RFC 9457); nothing was changed."""

    model_config = ConfigDict(json_schema_extra={"example": {"findings": [_FINDING]}})

    type: str = "about:blank"
    status: int = 422
    title: str = "The definitions have mistakes"
    detail: str
    findings: list[FindingView]


_REFUSED: dict[int | str, dict[str, Any]] = {422: {"model": RefusedView}}


class DefinitionRoutes:
    """/definitions and what is below it."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._one_at_a_time = asyncio.Lock()

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        tags: list[Any] = ["definitions"]
        router.get("/definitions/active", tags=tags, summary="The active set")(self.show_active)
        router.post(
            "/definitions/diff",
            tags=tags,
            summary="What a folder would change",
            response_model=DifferenceView,
            responses=_REFUSED,
        )(self.diff)
        router.post(
            "/definitions/apply",
            tags=tags,
            summary="Make a folder the active set",
            response_model=DifferenceView,
            responses=_REFUSED | problems(503),
        )(self.apply)
        router.post(
            "/definitions/activate/{version}",
            tags=tags,
            summary="Make an earlier set active again",
            response_model=DifferenceView,
            responses=_REFUSED | problems(404, 503),
        )(self.activate)

    async def show_active(self, _caller: Annotated[Caller, Depends(require("viewer"))]) -> ActiveView:
        """What is in force now, as one mapping."""
        bus = self._control.bus
        now = await active.active(bus)
        parts = await active.parts_of(bus, now.version) if now else None
        history = [ActivationView.model_validate(one) for one in await active.earlier(bus)]
        return ActiveView(
            version=now.version if now else None, definitions=active.merged(parts), earlier=history
        )

    async def diff(self, _caller: MayDefine, folder: Folder) -> Any:
        """Checks the folder and compares it with the active set; changes nothing."""
        try:
            checked = await _checked(folder)
        except DefinitionsRefused as refused:
            return _refusal(refused)
        return (await difference(self._control.bus, checked.version, checked.parts)).plain()

    async def apply(self, caller: MayDefine, folder: Folder) -> Any:
        """Checks the folder, has every service take its part, and makes all of it active at once."""
        try:
            checked = await _checked(folder)
        except DefinitionsRefused as refused:
            return _refusal(refused)
        return await self._make_active(DefinitionSet(checked.version, checked.parts, checked.loaded), caller)

    async def activate(self, caller: MayDefine, version: Version) -> Any:
        """Goes back to a set that was applied before, whole."""
        parts = await active.parts_of(self._control.bus, version)
        if parts is None:
            raise _unknown(version)
        return await self._make_active(DefinitionSet(version, parts), caller)

    async def _make_active(self, wanted: DefinitionSet, caller: Caller) -> Any:
        control = self._control
        try:
            async with self._one_at_a_time:
                found = await difference(control.bus, wanted.version, wanted.parts)
                notes = await apply(
                    control.bus, wanted, control.partners, by=caller.name, at=control.clock.now()
                )
        except DefinitionsRefused as refused:
            return _refusal(refused)
        except NotStaged as silent:
            raise _not_staged(silent) from silent
        except HubProblem as problem:
            raise Problem(503, "Not applied", problem.problem, remedy=problem.remedy) from problem
        return _done(found, notes)


async def _checked(folder: Folder) -> "Checked":
    """In a thread: a large folder takes a while, and deliveries must not wait for it."""
    # The services' rules are loaded when they are first needed.
    from services.hub.definitions.check import check

    return await asyncio.to_thread(check, folder.files)


def _done(found: Difference, notes: list[str]) -> dict[str, Any]:
    return found.plain() | {"notes": notes}


def _refusal(refused: DefinitionsRefused) -> JSONResponse:
    told = RefusedView(
        detail=f"{len(refused.findings)} mistakes; nothing was changed.",
        findings=[FindingView(**finding.plain()) for finding in refused.findings],
    )
    return JSONResponse(told.model_dump(), status_code=422, media_type=MEDIA_TYPE)


def _unknown(version: str) -> Problem:
    return Problem(
        404,
        "No such set",
        f"There is no set of version {version}, or not all of it.",
        field="version",
        remedy="GET /api/hub/definitions/active lists the sets that were active before.",
    )


def _not_staged(silent: NotStaged) -> Problem:
    return Problem(
        503,
        "Not applied",
        f"{silent}. Nothing was changed.",
        remedy=f"See that {silent.service} runs and is healthy, then apply again.",
    )
