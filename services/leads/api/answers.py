"""Who may ask what, pages, and what people are told when something cannot be done."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query

from services.leads.errors import Refused, Unknown
from services.runtime.auth import Caller, require
from services.runtime.problems import Problem, ProblemBody

MaySell = Annotated[Caller, Depends(require("sales"))]
Cursor = Annotated[str | None, Query(max_length=300, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Most rows of a page.")]
Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """These errors as the API's description shows them."""
    return {status: {"model": ProblemBody} for status in statuses}


@contextmanager
def told() -> Iterator[None]:
    """Tell people what was in the way of what they asked."""
    try:
        yield
    except Unknown as error:
        raise Problem(404, "Not found", str(error), error.field, error.remedy) from None
    except Refused as error:
        raise Problem(409, "Not possible now", str(error), error.field, error.remedy) from None


def cursor_behind(at: datetime, last: UUID) -> str:
    """Names the last row of a page."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), str(last)]).encode()).decode()


def row_behind(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The row that a cursor names. Raises Problem 422."""
    if cursor is None:
        return None
    try:
        at, last = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment, UUID(last)
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        raise Problem(
            422,
            "The request is not valid",
            "The cursor is not one that this service has given.",
            field="cursor",
            remedy="Leave it out to begin with the first page.",
        ) from None
