"""The drop-in script for forms, served beside the inlets: the same bytes for everybody."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from services.connectors.errors import Refused
from services.connectors.inlets import answers
from services.connectors.inlets.answers import Answer

# No channel can have this name: it holds a dot.
NAME = "form.js"
_FILE = Path(__file__).with_name(NAME)
_METHODS = ("GET", "HEAD")


@cache
def _script() -> tuple[bytes, str]:
    """The bytes and their entity tag."""
    body = _FILE.read_bytes()
    return body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def served(method: str, headers: Mapping[str, str]) -> Answer:
    """The script, or 304 for who has it already (RFC 9110, 13.1.2). Kept for an hour by browsers."""
    if method not in _METHODS:
        refusal = Refused(405, "The script can only be fetched.", field="method", remedy="Use GET.")
        refused = answers.refused(None, headers, refusal)
        return Answer(405, {**refused.headers, "allow": ", ".join(_METHODS)}, refused.body)
    body, tag = _script()
    more = {
        "etag": tag,
        "cache-control": "public, max-age=3600, stale-while-revalidate=86400",
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
    }
    known = (one.strip().removeprefix("W/") for one in headers.get("if-none-match", "").split(","))
    if any(one in (tag, "*") for one in known):
        return Answer(304, more)
    return Answer(200, {"content-type": "text/javascript; charset=utf-8", **more}, body)
