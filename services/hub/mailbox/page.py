"""The caught letters as plain pages: a list, and one letter. Everything in them is escaped."""

import asyncio
import base64
import hashlib
from html import escape
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from services.hub.mailbox.files import Caught, Mailbox, Summary

_PER_PAGE = 50
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .8rem .3rem 0;"
    "border-bottom:1px solid #ddd;vertical-align:top;overflow-wrap:anywhere}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f6f6;padding:1rem}"
    "time{white-space:nowrap}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_Name = Annotated[str, Path(max_length=80)]


def router(mailbox: Mailbox) -> APIRouter:
    """Pages of this mailbox, to be mounted at a prefix such as /mailbox."""
    made = APIRouter(include_in_schema=False)

    @made.get("", response_class=HTMLResponse)
    async def listing(request: Request, before: Annotated[int, Query(ge=0, le=10**9)] = 0) -> HTMLResponse:
        letters = await asyncio.to_thread(mailbox.list, _PER_PAGE + 1, before)
        return _list_page(letters, before, request.url.path.rstrip("/"))

    @made.get("/{name}", response_class=HTMLResponse)
    async def letter(request: Request, name: _Name) -> HTMLResponse:
        found = await asyncio.to_thread(mailbox.read, name)
        return _letter_page(found, request.url.path.rsplit("/", 1)[0]) if found else _missing()

    @made.get("/{name}/raw")
    async def raw(name: _Name) -> Response:
        found = await asyncio.to_thread(mailbox.read, name)
        if found is None:
            return _missing()
        return Response(found.raw, media_type="text/plain; charset=utf-8", headers=_HEADERS)

    return made


def _list_page(letters: list[Summary], offset: int, home: str) -> HTMLResponse:
    if not letters:
        return _page("Mailbox", "<p>No letters yet. Outgoing mail is caught here.</p>")
    rows = "".join(
        f"<tr><td><time>{one.received_at:%Y-%m-%d %H:%M:%S}</time></td>"
        f"<td>{escape(one.recipient)}</td>"
        f'<td><a href="{escape(home)}/{escape(one.name)}">'
        f"{escape(one.subject) or '(no subject)'}</a></td></tr>"
        for one in letters[:_PER_PAGE]
    )
    older = f'<p><a href="?before={offset + _PER_PAGE}">Older</a></p>' if len(letters) > _PER_PAGE else ""
    return _page(
        "Mailbox",
        "<p>Letters that were not sent on. Times are UTC.</p>"
        f"<table><tr><th>When</th><th>To</th><th>Subject</th></tr>{rows}</table>{older}",
    )


def _letter_page(letter: Caught, home: str) -> HTMLResponse:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in letter.headers
    )
    html = (
        f"<details><summary>HTML source</summary><pre>{escape(letter.html)}</pre></details>"
        if letter.html is not None
        else ""
    )
    home, name = escape(home), escape(letter.summary.name)
    return _page(
        letter.summary.subject or "(no subject)",
        f'<p><a href="{home}">All letters</a> · <a href="{home}/{name}/raw">As it came</a></p>'
        f"<table>{rows}</table><pre>{escape(letter.text)}</pre>{html}",
    )


def _missing() -> HTMLResponse:
    return _page("No such letter", "<p>It is not in this mailbox.</p>", 404)


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>",
        status_code=status,
        headers=_HEADERS,
    )
