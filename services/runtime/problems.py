"""Errors of the HTTP APIs as RFC 9457 problem details: what is wrong, in which field, what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from services.runtime.bus import BusUnavailable, PublishRefused
from services.runtime.database import is_transient

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER = {"Retry-After": "5"}


class FieldError(BaseModel):
    """One wrong field of a request."""

    field: str
    detail: str


class ProblemBody(BaseModel):
    """The body of every error answer (RFC 9457)."""

    type: str = "about:blank"
    status: int = Field(examples=[422])
    title: str = Field(examples=["The request is not valid"])
    detail: str = Field(examples=["`port` must be a number"])
    field: str | None = Field(default=None, description="Where in the request the mistake is.")
    remedy: str | None = Field(default=None, description="What to do about it.")
    errors: list[FieldError] | None = Field(default=None, description="When several are wrong.")


class Problem(Exception):
    """An error for the caller. Raised anywhere below an API, answered as problem details."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        field: str | None = None,
        remedy: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{title}: {detail}")
        self.headers = dict(headers or {})
        self.body = ProblemBody(
            status=status, title=title, detail=detail, field=field, remedy=remedy
        )


def answer(body: ProblemBody, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response for a problem."""
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status_code=body.status,
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )


async def _on_problem(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return answer(error.body, error.headers)


async def _on_http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    body = ProblemBody(status=error.status_code, title=title, detail=str(error.detail))
    return answer(body, error.headers)


async def _on_invalid(_request: Request, error: Exception) -> JSONResponse:
    """Says which fields are wrong, never what stood in them: that may be personal."""
    assert isinstance(error, RequestValidationError)
    errors = [FieldError(field=_path(row["loc"]), detail=row["msg"]) for row in error.errors()]
    body = ProblemBody(
        status=422,
        title="The request is not valid",
        detail="; ".join(f"{row.field}: {row.detail}" for row in errors),
        field=errors[0].field if errors else None,
        remedy="Correct the named fields; /openapi.json describes them.",
        errors=errors,
    )
    return answer(body)


def _path(location: tuple[Any, ...]) -> str:
    """Without the leading `body`, unless the body as a whole is meant."""
    parts = location[1:] if location[0] == "body" and len(location) > 1 else location
    return ".".join(map(str, parts))


async def _on_bus(_request: Request, _error: Exception) -> JSONResponse:
    return answer(unavailable("The bus is not available"), _RETRY_AFTER)


async def _on_any(request: Request, error: Exception) -> JSONResponse:
    if is_transient(error):
        log.warning("http.unavailable", path=_route(request), error=type(error).__name__)
        return answer(unavailable("The database is not available"), _RETRY_AFTER)
    log.error("http.failed", path=_route(request), exc_info=error)
    body = ProblemBody(
        status=500,
        title="Something went wrong here",
        detail="The request was not carried out.",
        remedy="Try again; if it happens again, an operator finds the cause in the log.",
    )
    return answer(body)


def unavailable(detail: str) -> ProblemBody:
    """Temporarily unable."""
    return ProblemBody(
        status=503,
        title="Not available right now",
        detail=detail,
        remedy="Nothing was lost; try again in a few seconds.",
    )


def _route(request: Request) -> str:
    """The pattern of the path, without the ids in it."""
    return str(getattr(request.scope.get("route"), "path", "unmatched"))


def install(app: FastAPI) -> None:
    """Answer every error of this app as a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(BusUnavailable, _on_bus)
    app.add_exception_handler(PublishRefused, _on_bus)
    app.add_middleware(_CatchAll)
