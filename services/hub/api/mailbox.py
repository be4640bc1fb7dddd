"""The caught letters as JSON, for the command; the pages are in services.hub.mailbox."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from services.hub.api.control import problems
from services.hub.mailbox.files import Mailbox
from services.runtime.auth import Caller, require
from services.runtime.problems import Problem

MayRead = Annotated[Caller, Depends(require("operator", "marketing"))]


_NAME = "20260115T100000.000000Z-0a1b2c3d.eml"


Header = Annotated[list[str], Field(min_length=2, max_length=2, examples=[["Subject", "Welcome"]])]


class LetterLine(BaseModel):
    """One letter of the list."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=[_NAME])
    received_at: datetime
    sender: str
    recipient: str
    subject: str
    size: int = Field(description="Bytes.")


class LetterPage(BaseModel):
    """The newest letters first."""

    letters: list[LetterLine]


class Letter(BaseModel):
    """One letter."""

    name: str = Field(examples=[_NAME])
    headers: list[Header] = Field(description="Name and value, in order.")
    text: str
    html: str | None
    raw: str = Field(description="All of it; bytes that are not UTF-8 are replaced.")


class MailboxRoutes:
    """/mailbox and what is below it."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        tags: list[Any] = ["mailbox"]
        router.get("/mailbox", tags=tags, summary="Letters caught instead of sent on")(self.list_letters)
        router.get("/mailbox/{name}", tags=tags, summary="One letter", responses=problems(404))(self.show)

    async def list_letters(
        self,
        _caller: MayRead,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> LetterPage:
        """The newest first."""
        found = await asyncio.to_thread(self._mailbox.list, limit, offset)
        return LetterPage(letters=[LetterLine.model_validate(one) for one in found])

    async def show(
        self, _caller: MayRead, name: Annotated[str, Path(max_length=80, examples=[_NAME])]
    ) -> Letter:
        """Headers, text, and all of it as it came."""
        found = await asyncio.to_thread(self._mailbox.read, name)
        if found is None:
            raise Problem(404, "No such letter", "It is not in this mailbox.", "name", "List them first.")
        return Letter(
            name=name,
            headers=[list(pair) for pair in found.headers],
            text=found.text,
            html=found.html,
            raw=found.raw.decode(errors="replace"),
        )
