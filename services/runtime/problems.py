"""Errors of the HTTP APIs as RFC 9457 problem details: what is wrong, in which field, what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.database import is_transient
from services.runtime.publishing import BusUnavailable, PublishRefused

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
        self.body = ProblemBody(status=status, title=title, detail=detail, field=field, remedy=remedy)


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


_REMEDIES = {
    400: "Send a body of the content type you name, whole and in UTF-8; /openapi.json describes it.",
    404: "See that the path is right; /openapi.json lists every one.",
    413: "Send less at once.",
    415: "Send the content type that /openapi.json names.",
}


async def _on_http(_request: Request, error: Exception) -> JSONResponse:
    """What the router and the reading of bodies refuse."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    body = ProblemBody(
        status=status,
        title=HTTPStatus(status).phrase,
        detail=str(error.detail),
        field="body" if status == HTTPStatus.BAD_REQUEST else None,
        remedy=_REMEDIES.get(status),
    )
    return answer(body, error.headers)


async def _on_invalid(_request: Request, error: Exception) -> JSONResponse:
    """Says which fields are wrong, never what stood in them: that may be personal."""
    assert isinstance(error, RequestValidationError)
    errors = [_field_error(row) for row in error.errors()]
    body = ProblemBody(
        status=422,
        title="The request is not valid",
        detail="; ".join(f"{row.field}: {row.detail}" for row in errors),
        field=errors[0].field if errors else None,
        remedy="Correct the named fields; /openapi.json describes them.",
        errors=errors,
    )
    return answer(body)


def _field_error(row: Mapping[str, Any]) -> FieldError:
    if row["type"] == "json_invalid":
        return FieldError(field="body", detail=f"not JSON at character {row['loc'][-1]}")
    return FieldError(field=_path(row["loc"]), detail=row["msg"])


def _path(location: tuple[Any, ...]) -> str:
    """Without the leading `body`, unless the body as a whole is meant."""
    parts = location[1:] if location[0] == "body" and len(location) > 1 else location
    return ".".join(map(str, parts))


async def _on_bus(_request: Request, _error: Exception) -> JSONResponse:
    return answer(unavailable("The bus is not available"), _RETRY_AFTER)


class CatchAll:
    """Middleware that answers what nobody else has answered. The cause goes to the log alone."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app; an error before the answer has begun becomes a problem."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http":
                raise
            response = _unexpected(scope, error)
            if not begun:
                await response(scope, receive, send)


def _unexpected(scope: Scope, error: Exception) -> JSONResponse:
    # The pattern of the path: the path itself may hold personal data.
    route = getattr(scope.get("route"), "path", "unmatched")
    if is_transient(error):
        log.warning("http.unavailable", route=route, error=type(error).__name__)
        return answer(unavailable("The database is not available"), _RETRY_AFTER)
    if isinstance(error, asyncpg.DataError | UnicodeEncodeError):
        log.warning("http.unstorable", route=route, error=type(error).__name__)
        return answer(_UNSTORABLE)
    log.error("http.failed", route=route, exc_info=error)
    return answer(
        ProblemBody(
            status=500,
            title="Something went wrong here",
            detail="The request was not carried out.",
            remedy="Try again; if it happens again, an operator finds the cause in the log.",
        )
    )


# Such as U+0000 in a text or a year before the calendar: what no table could hold.
_UNSTORABLE = ProblemBody(
    status=422,
    title="The request is not valid",
    detail="A value in the request cannot be stored.",
    remedy="Leave out control characters and broken Unicode; keep numbers and times in a usual range.",
)


def unavailable(detail: str) -> ProblemBody:
    """Temporarily unable."""
    return ProblemBody(
        status=503,
        title="Not available right now",
        detail=detail,
        remedy="Nothing was lost; try again in a few seconds.",
    )


def install(app: FastAPI) -> None:
    """Answer every error of this app as a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(BusUnavailable, _on_bus)
    app.add_exception_handler(PublishRefused, _on_bus)
    app.add_middleware(CatchAll)
