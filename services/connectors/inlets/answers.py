"""What the sender gets: for a vendor as the manifest says, for a browser a page, a redirect or JSON."""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus

from services.connectors.catalog.manifest import Owed, Reply
from services.connectors.definitions.channel import Channel
from services.connectors.errors import Refused
from services.connectors.verify import Presented

_PAGE = (
    '<!doctype html><html><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
    '</head><body style="font: 1.1rem/1.5 sans-serif; max-width: 36rem; margin: 15vh auto; '
    'padding: 0 1rem"><p>{text}</p></body></html>'
)
_AGAIN = "We could not take your enquiry just now. Please go back and send it again in a minute."
_SOON = 5
PREFLIGHT_SECONDS = "600"
# Nothing that is echoed is longer.
_LONGEST = 64_000


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with headers and a body; over SMTP the status is the reply code."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def stored(channel: Channel, request: Presented, delivery_id: str, reply: Reply | None = None) -> Answer:
    """For a delivery that is safe. It depends on nothing but the request and the channel."""
    owed = channel.kind.manifest.answer
    if reply is not None or owed.style == "plain":
        return owing(reply or owed, channel, request)
    shared = cross_origin(channel, request.headers)
    redirect, thanks = channel.settings.text("redirect"), channel.settings.text("thanks")
    if wants_json(request.headers):
        before, after = _told(thanks, redirect)
        return Answer(
            200, {"content-type": "application/json", **shared}, before + delivery_id.encode() + after
        )
    if redirect:
        return Answer(303, {"location": redirect, **shared})
    return page(200, thanks, shared)


@lru_cache(maxsize=1024)
def _told(thanks: str, redirect: str) -> tuple[bytes, bytes]:
    """What a script is told, before and after the delivery's id: the same for every delivery of a channel."""
    told = {"status": "received", "delivery": "", "message": thanks}
    told |= {"redirect": redirect} if redirect else {}
    before, mark, after = json.dumps(told).partition('"delivery": "')
    return (before + mark).encode(), after.encode()


def owing(owed: Owed | Reply, channel: Channel, request: Presented) -> Answer:
    """What the manifest says is owed, its templates filled in."""
    body = request.render(owed.body, channel.held)[:_LONGEST] if owed.body else b""
    more = {name: _line(request.render(value, channel.held)) for name, value in sorted(owed.headers.items())}
    kind = {"content-type": owed.content_type, "x-content-type-options": "nosniff"} if body else {}
    return Answer(owed.status, {**kind, **more}, body)


def _line(value: bytes) -> str:
    """As it may stand in a header."""
    return "".join(char for char in value.decode("latin-1") if char.isprintable())[:1000]


def refused(channel: Channel | None, headers: Mapping[str, str], refusal: Refused) -> Answer:
    """For a delivery that is not safe, in RFC 9457 or, for a visitor's form, as a page."""
    status = refusal.status
    after = refusal.after or (_SOON if status == HTTPStatus.SERVICE_UNAVAILABLE else None)
    more = {"retry-after": str(after)} if after else {}
    if channel and status == HTTPStatus.METHOD_NOT_ALLOWED:
        more |= {"allow": _methods(channel)}
    if channel and channel.kind.manifest.answer.style == "browser":
        more |= cross_origin(channel, headers)
        if not wants_json(headers):
            later = status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
            return page(status, _AGAIN if later else refusal.reason, more)
    if channel:
        status = channel.kind.manifest.answer.instead.get(status, status)
    return problem(status, refusal.reason, more, field=refusal.field, remedy=refusal.remedy)


def problem(
    status: int, detail: str, more: Mapping[str, str] = {}, *, field: str = "", remedy: str = ""
) -> Answer:
    """An RFC 9457 problem, with the part of the request that is wrong and what to do, as all our APIs."""
    told = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    told |= {name: value for name, value in (("field", field), ("remedy", remedy)) if value}
    return Answer(status, {"content-type": "application/problem+json", **more}, json.dumps(told).encode())


def preflight(channel: Channel, headers: Mapping[str, str]) -> Answer:
    """For the OPTIONS request by which a browser asks whether a script may post here."""
    methods = _methods(channel)
    shared = cross_origin(channel, headers)
    if not shared.get("access-control-allow-origin"):
        return Answer(204, {"allow": methods, **shared})
    asked = headers.get("access-control-request-headers", "content-type")
    return Answer(
        204,
        {
            "allow": methods,
            "access-control-allow-methods": methods,
            "access-control-allow-headers": asked,
            "access-control-max-age": PREFLIGHT_SECONDS,
            **shared,
        },
    )


def _methods(channel: Channel) -> str:
    return ", ".join((*sorted(channel.kind.manifest.asked - {"OPTIONS"}), "OPTIONS"))


def cross_origin(channel: Channel, headers: Mapping[str, str]) -> dict[str, str]:
    """The CORS headers (WHATWG Fetch) for an origin on the channel's list; none for others."""
    origin = headers.get("origin", "")
    allowed = channel.settings.texts("origins")
    if not allowed:
        return {}
    if origin in allowed or (origin and "*" in allowed):
        return {"access-control-allow-origin": origin, "vary": "Origin"}
    return {"vary": "Origin"}


def wants_json(headers: Mapping[str, str]) -> bool:
    """Whether a script is asking: it posts JSON, or asks for JSON and not for a page."""
    accepts = headers.get("accept", "")
    if "application/json" in accepts and "text/html" not in accepts:
        return True
    if headers.get("x-requested-with", "").lower() == "xmlhttprequest":
        return True
    return "json" in headers.get("content-type", "") and "text/html" not in accepts


def page(status: int, text: str, more: Mapping[str, str] = {}) -> Answer:
    """A small page that says one thing."""
    shown = html.escape(text)
    kept = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    return Answer(status, {**kept, **more}, _PAGE.format(title=shown, text=shown).encode())
