"""What kinds share when they ask a vendor to send: usual forms of requests, usual sorts of answers."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import InDoubt, Later, Outcome, Refused
from services.connectors.domain.settings import Settings
from services.connectors.domain.text import single_line
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import read_object

_LONGEST_REASON = 300
_LONGEST_WAIT = 86_400


def base(settings: Settings) -> str:
    """Where the vendor's API is, by the setting `api_url`."""
    return settings.text("api_url").rstrip("/")


def as_json(
    url: str,
    document: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    *,
    ascii_only: bool = True,
) -> Request:
    """A POST of a document. It is plain ASCII, so that no text can break it; else it is shorter, in UTF-8."""
    given = {"content-type": "application/json", **(headers or {})}
    body = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "replace")
    return Request(url, "POST", given, body)


def as_form(url: str, fields: Sequence[tuple[str, str]], headers: Mapping[str, str] | None = None) -> Request:
    """A POST of fields in UTF-8; empty ones are left out."""
    given = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
    filled = [(name, value) for name, value in fields if value]
    return Request(url, "POST", given, urlencode(filled, errors="replace").encode())


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP basic authentication. Source: RFC 7617."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"authorization": f"Basic {pair}"}


def bearer(token: str) -> dict[str, str]:
    """The header of a bearer token. Source: RFC 6750."""
    return {"authorization": f"Bearer {token}"}


def number(text: str) -> int | str:
    """An id as the number it is written as, however large; other text as it is."""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 40 else text


def said(answer: Answer) -> dict[str, Any]:
    """The document in an answer, its numbers as text; empty when there is none."""
    try:
        return read_object(answer.body, exact=True)
    except Unreadable:
        return {}


def pause(answer: Answer, otherwise: float = 0) -> float:
    """Seconds to wait, as Retry-After says. A date there counts as nothing said."""
    told = answer.headers.get("retry-after", "").strip()
    return float(min(int(told), _LONGEST_WAIT)) if told.isascii() and told.isdecimal() else otherwise


def seconds(text: str, otherwise: float = 0) -> float:
    """A number of seconds out of a document."""
    return float(min(int(text), _LONGEST_WAIT)) if text.isascii() and text.isdecimal() else otherwise


def refused(code: str, reason: str) -> Refused:
    """The vendor's word, short enough to show."""
    return Refused(single_line(code, 100), single_line(reason, _LONGEST_REASON))


def by_status(answer: Answer, code: str = "", reason: str = "") -> Outcome:
    """What an answer means that names no message, by its status alone. `code` and `reason` are the vendor's.

    Source: RFC 9110 section 15. After 500, 502 and 504 nobody knows what was done; 429 and 503 say that
    nothing was.
    """
    reason = single_line(reason, _LONGEST_REASON) or f"the vendor answered {answer.status}"
    match answer.status:
        case 429 | 503:
            return Later(pause(answer), reason, whole=True)
        case 408 | 425:
            return Later(pause(answer), reason)
        case status if 300 <= status < 400:
            return Refused(f"http_{status}", "the vendor is at another address now: correct api_url")
        case status if 400 <= status < 500:
            return refused(code or f"http_{status}", reason)
    return InDoubt(f"{reason} (status {answer.status})")
