"""The description of an HTTP API, completed: every error an operation can answer with, and as what.

FastAPI describes what handlers return. What stands before and around them (access tokens, unreadable
bodies, engines that are away) answers the same for all, so it is described here, once.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from services.runtime.problems import MEDIA_TYPE, ProblemBody, answer

_METHODS = frozenset({"get", "put", "post", "delete", "patch"})
_PROBLEM: dict[str, Any] = {"$ref": "#/components/schemas/ProblemBody"}
_OF_FASTAPI = ("HTTPValidationError", "ValidationError")
_SAID = {
    "400": "The body cannot be read.",
    "401": "There is no access token, or none that is known.",
    "403": "The token does not have the role for this.",
    "404": "There is no such thing.",
    "413": "The body is too large.",
    "422": "The request is not valid; the fields are named.",
    "429": "Too many unknown tokens from this address.",
    "503": "An engine is away. Nothing was done: try again.",
}
_HEADERS: dict[str, dict[str, Any]] = {
    "401": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    "429": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
    "503": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
}
Document = dict[str, Any]

NOT_GOOD: dict[int | str, Document] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}, "example": {"ready": True}}}},
    503: {
        "description": "It is not; the body says why.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
}
"""What probes are told."""
METRICS: dict[int | str, Document] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "leadwire_check_ok 1.0\n"}}}
}
"""What Prometheus is told."""


def describe(app: FastAPI) -> None:
    """Make `app.openapi()`, and so /openapi.json, tell everything; and 405 name every method of a path."""
    plain = app.openapi

    def complete() -> Document:
        if app.openapi_schema is None:
            app.openapi_schema = completed(plain())
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]
    app.add_exception_handler(405, _on_wrong_method)


async def _on_wrong_method(request: Request, error: Exception) -> JSONResponse:
    """The router names the methods of the first route that fits, of several for one path."""
    assert isinstance(error, HTTPException)
    allowed = ", ".join(methods_of(request.app.openapi(), request.url.path))
    allowed = allowed or (error.headers or {}).get("Allow", "GET")
    body = ProblemBody(
        status=405,
        title="Method Not Allowed",
        detail=f"This path does not take {request.method}.",
        remedy=f"Use {allowed.replace(', ', ' or ')}.",
    )
    return answer(body, {"Allow": allowed})


def completed(document: Document) -> Document:
    """The same document with every error of every operation, each as problem details."""
    for path, operation in operations(document):
        if path.startswith("/api/"):
            _complete(operation)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _OF_FASTAPI:
        schemas.pop(name, None)
    problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["ProblemBody"] = problem
    return document


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """Every operation with its path."""
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, operation


def methods_of(document: Document, path: str) -> list[str]:
    """The methods that the described path takes; of several paths that fit, the plainest counts."""
    fitting = [
        template for template in document.get("paths", {}) if compile_path(template)[0].fullmatch(path)
    ]
    if not fitting:
        return []
    return sorted(method.upper() for method in document["paths"][min(fitting, key=_wildness)])


def _wildness(template: str) -> int:
    return template.count("{")


def _complete(operation: Document) -> None:
    answers: Document = operation.setdefault("responses", {})
    if any("text/html" in said.get("content", {}) for said in answers.values()):
        for said in answers.values():
            said.setdefault("content", {"text/html": {"schema": {"type": "string"}}})
    for status in _expected(operation):
        answers.setdefault(status, {})
    for status, said in answers.items():
        if status[0] in "45" and not _is_own(said):
            _as_problem(status, said)


def _expected(operation: Document) -> Iterator[str]:
    takes_body = "requestBody" in operation
    if takes_body:
        yield from ("400", "413")
    if takes_body or operation.get("parameters"):
        yield "422"
    if any(one["in"] == "path" for one in operation.get("parameters", ())):
        yield "404"
    if operation.get("security"):
        yield from ("401", "403", "429")
    yield "503"


def _is_own(said: Document) -> bool:
    """Whether the handler has said as what it answers, such as a page."""
    return any(kind != "application/json" for kind in said.get("content", {}))


def _as_problem(status: str, said: Document) -> None:
    told = said.get("content", {}).get("application/json", {}).get("schema", _PROBLEM)
    name = told.get("$ref", "").rpartition("/")[2]
    known = name in ("", "ProblemBody", *_OF_FASTAPI)
    said["content"] = {MEDIA_TYPE: {"schema": _PROBLEM if known else {"anyOf": [told, _PROBLEM]}}}
    if said.get("description", "") in ("", "Validation Error", "Unprocessable Content"):
        said["description"] = _SAID.get(status, "It could not be done.")
    if status in _HEADERS:
        said["headers"] = _HEADERS[status]
