"""Who may ask what, and what people are told when it cannot be done."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Depends, Query

from services.deals import errors
from services.runtime.auth import Caller, require
from services.runtime.problems import Problem, ProblemBody

MayLook = Annotated[Caller, Depends(require("viewer"))]
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
    except (errors.DealNotFound, errors.TaskNotFound) as error:
        raise Problem(404, "Not found", str(error), remedy="Check the id.") from None
    except errors.DealChanged as error:
        remedy = "Look at the deal again, then move it with its present version."
        raise Problem(409, "The deal has changed", str(error), "version", remedy) from None
    except errors.DealMerged as error:
        remedy = "Move the deal that goes on for it."
        raise Problem(409, "The deal has ended", str(error), remedy=remedy) from None
    except errors.TaskDropped as error:
        remedy = "Look at the deal that goes on."
        raise Problem(409, "The task has ended", str(error), remedy=remedy) from None
    except errors.FunnelUnknown as error:
        raise _unknown("funnel", error, error.known) from None
    except errors.StageUnknown as error:
        raise _unknown("to", error, error.known) from None


def _unknown(field: str, error: Exception, known: Sequence[str]) -> Problem:
    remedy = f"Use one of: {', '.join(known)}."
    return Problem(422, "The request is not valid", str(error), field, remedy)
