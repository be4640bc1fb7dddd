"""The hub's HTTP API as the command sees it: an address, a token, and errors that name the remedy.

On urllib: a fuller client takes longer to import than the whole command takes to run.
"""

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from services.hub.errors import HubProblem

_TIMEOUT = 30.0


@dataclass(frozen=True)
class Answer:
    """What the hub said."""

    status: int
    body: Any

    @property
    def is_success(self) -> bool:
        """Whether it did what was asked."""
        return 200 <= self.status < 300


def hub_url() -> str:
    """Where the hub is: LEADWIRE_URL, else this machine at LEADWIRE_PORT."""
    local = f"http://127.0.0.1:{os.environ.get('LEADWIRE_PORT') or 8080}"
    return (os.environ.get("LEADWIRE_URL") or local).rstrip("/")


def hub_token() -> str:
    """LEADWIRE_TOKEN, else the admin token that `leadwire up` left in the home on this machine."""
    if token := os.environ.get("LEADWIRE_TOKEN"):
        return token
    file = Path(os.environ.get("LEADWIRE_HOME") or "var") / "secrets" / "admin.token"
    try:
        return file.read_text().strip()
    except OSError:
        raise HubProblem(
            "There is no token to speak to the hub with.",
            "Set LEADWIRE_TOKEN, or LEADWIRE_HOME to the folder of a hub on this machine.",
        ) from None


def get(path: str, **query: object) -> Any:
    """GET. Raises HubProblem."""
    return done(answer("GET", f"{path}?{urlencode(query)}" if query else path))


def post(path: str, body: object = None, *, timeout: float = _TIMEOUT) -> Any:
    """POST JSON. Raises HubProblem."""
    return done(answer("POST", path, body, timeout=timeout))


def done(said: Answer) -> Any:
    """The body of a success. Raises HubProblem for anything else."""
    if said.is_success:
        return said.body
    problem = said.body if isinstance(said.body, dict) else {}
    what = problem.get("detail") or problem.get("title") or f"status {said.status}"
    field = f" (field {problem['field']})" if problem.get("field") else ""
    raise HubProblem(
        f"The hub refused: {str(what).rstrip('.')}{field}.",
        problem.get("remedy") or _usual_remedy(said.status),
    )


def answer(method: str, path: str, body: object = None, *, timeout: float = _TIMEOUT) -> Answer:
    """What the hub says, whatever its status. Raises HubProblem when it says nothing."""
    url = hub_url()
    headers = {"Authorization": f"Bearer {hub_token()}", "Accept": "application/json"}
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    try:
        request = urllib.request.Request(url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return Answer(response.status, _read(response.read()))
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, _read(refused.read()))
    except TimeoutError:
        raise HubProblem(
            f"The hub at {url} did not answer within {timeout:.0f} s.",
            "See whether it is healthy: GET /readyz names what is not ready.",
        ) from None
    except (OSError, ValueError):
        raise HubProblem(
            f"No hub answers at {url}.", "Start one with leadwire up, or set LEADWIRE_URL."
        ) from None


def _read(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


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
