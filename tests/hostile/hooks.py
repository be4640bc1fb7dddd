"""How schemathesis calls, and what it leaves out: it loads this file by itself."""

import itertools
from typing import Any

import schemathesis
from requests import PreparedRequest
from requests.adapters import HTTPAdapter

_callers = itertools.count(1)


class _FromEverywhere(HTTPAdapter):
    """Every request from another address: made-up tokens from one and the same are slowed down."""

    def add_headers(self, request: PreparedRequest, **_options: Any) -> None:
        number = next(_callers)
        request.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@schemathesis.hook
def before_call(_context: Any, _case: Any, kwargs: dict[str, Any]) -> None:
    session = kwargs.get("session")
    if session is not None and not isinstance(session.get_adapter("http://"), _FromEverywhere):
        session.mount("http://", _FromEverywhere())


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Nobody takes back the token that the requests themselves are made with."""
    own = case.operation.path.endswith("/tokens/{name}") and case.path_parameters.get("name") == "admin"
    return not own
