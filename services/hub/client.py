"""The hub's HTTP API as the command sees it: an address, a token, and errors that name the remedy."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.hub.errors import HubProblem

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "http://127.0.0.1:8080"
_TIMEOUT = 30.0


def hub_url() -> str:
    """Where the hub is: LEADWIRE_URL, else this machine at LEADWIRE_PORT."""
    port = os.environ.get("LEADWIRE_PORT", "8080")
    local = DEFAULT_URL if port == "8080" else f"http://127.0.0.1:{port}"
    return os.environ.get("LEADWIRE_URL", local).rstrip("/")


def hub_token() -> str:
    """LEADWIRE_TOKEN, else the admin token that `leadwire up` left in the home on this machine."""
    if token := os.environ.get("LEADWIRE_TOKEN"):
        return token
    file = Path(os.environ.get("LEADWIRE_HOME", "var")) / "secrets" / "admin.token"
    try:
        return file.read_text().strip()
    except OSError:
        raise HubProblem(
            "There is no token to speak to the hub with.",
            "Set LEADWIRE_TOKEN, or LEADWIRE_HOME to the folder of a hub on this machine.",
        ) from None


def get(path: str, **query: Any) -> Any:
    """GET; parameters that are None are left out. Raises HubProblem."""
    return _call("GET", path, params={k: v for k, v in query.items() if v is not None})


def post(path: str, body: Any = None, *, timeout: float = _TIMEOUT) -> Any:
    """POST JSON. Raises HubProblem."""
    return _call("POST", path, json=body, timeout=timeout)


def response(method: str, path: str, *, timeout: float = _TIMEOUT, **request: Any) -> "httpx.Response":
    """The bare answer, whatever its status. Raises HubProblem when there is no answer."""
    import httpx

    headers = {"Authorization": f"Bearer {hub_token()}"}
    url = hub_url()
    try:
        return httpx.request(method, url + path, headers=headers, timeout=timeout, **request)
    except httpx.TimeoutException:
        raise HubProblem(
            f"The hub at {url} did not answer within {timeout:.0f} s.",
            "See whether it is healthy: GET /readyz names what is not ready.",
        ) from None
    except (httpx.TransportError, httpx.InvalidURL):
        raise HubProblem(
            f"No hub answers at {url}.", "Start one with leadwire up, or set LEADWIRE_URL."
        ) from None


def _call(method: str, path: str, **request: Any) -> Any:
    answer = response(method, path, **request)
    if answer.is_success:
        return answer.json() if answer.content else None
    raise refusal(answer)


def refusal(answer: "httpx.Response") -> HubProblem:
    """An RFC 9457 answer as one sentence and a remedy."""
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    said = problem.get("detail") or problem.get("title") or f"status {answer.status_code}"
    field = f" (field {problem['field']})" if problem.get("field") else ""
    return HubProblem(
        f"The hub refused: {str(said).rstrip('.')}{field}.",
        problem.get("remedy") or _usual_remedy(answer.status_code),
    )


def _usual_remedy(status: int) -> str:
    match status:
        case 401:
            return "Set LEADWIRE_TOKEN to a token that is still valid."
        case 403:
            return "Use a token with the role that is named; leadwire token create makes one."
        case 404:
            return "Check the id; leadwire trace takes most of them."
        case 503:
            return "Wait until GET /readyz is fine and try again."
    return "See the hub's log for the time of this call."
