"""Plain pages without scripts, foreign content or anything about the person."""

import base64
import hashlib

from fastapi.responses import HTMLResponse

_STYLE = (
    "body{font:18px/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}"
    "button{font:inherit;padding:.5rem 1rem}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def question() -> HTMLResponse:
    """One button."""
    return _page(
        "Unsubscribe",
        '<p>No more letters to this address?</p><form method="post"><button>Unsubscribe</button></form>',
    )


def done() -> HTMLResponse:
    """It is recorded."""
    return _page("Unsubscribed", "<p>You will get no more letters from us. Nothing else is needed.</p>")


def invalid() -> HTMLResponse:
    """We did not make this link."""
    return _page(
        "This link is not valid",
        "<p>It may have been cut off. Copy the whole address from the letter, or answer the letter.</p>",
        status=404,
    )


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{body}</body></html>",
        status_code=status,
        headers=_HEADERS,
    )
