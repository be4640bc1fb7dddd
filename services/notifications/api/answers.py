"""Who may ask what, how pages go on, and what errors look like."""

import base64
import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query

from services.notifications.store.listing import Page
from services.runtime.auth import Caller, require
from services.runtime.problems import Problem, ProblemBody

MayLook = Annotated[Caller, Depends(require("viewer"))]
MayWrite = Annotated[Caller, Depends(require("marketing"))]
Cursor = Annotated[str | None, Query(max_length=300, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Most rows of a page.")]
ContactId = Annotated[UUID | None, Query(description="Only of this contact, or of one merged into it.")]
Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """These errors as the API's description shows them."""
    return {status: {"model": ProblemBody} for status in statuses}


def page(limit: int, cursor: str | None, *, contact: UUID | None = None, state: str | None = None) -> Page:
    """What to read. Raises Problem for a cursor that we did not give."""
    if cursor is None:
        return Page(limit, contact, state)
    try:
        at, id = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError(at)
        return Page(limit, contact, state, moment, UUID(id))
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        detail = "this is no cursor of ours"
        remedy = "Use `next` of the page before, or leave it out."
        raise Problem(422, "The request is not valid", detail, "cursor", remedy) from None


def next_cursor(limit: int, rows: int, at: datetime, id: UUID) -> str | None:
    """Where the page after this one begins; None when this one was not full."""
    if rows < limit:
        return None
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), str(id)]).encode()).decode()


def not_found(what: str) -> Problem:
    """There is no such thing."""
    return Problem(404, "Not found", f"There is no such {what}.", remedy="Check the id.")
