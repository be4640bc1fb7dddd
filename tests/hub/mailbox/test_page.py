from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.hub.mailbox.files import Mailbox
from services.hub.mailbox.page import router

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path)


@pytest.fixture
async def browser(mailbox: Mailbox) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(router(mailbox), prefix="/mailbox")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        yield client


def keep(mailbox: Mailbox, subject: str = "Hi", text: str = "Hello", *, number: int = 0) -> str:
    content = f"To: ann@client.example\r\nSubject: {subject}\r\n\r\n{text}\r\n".encode()
    now = NOON + timedelta(seconds=number)
    return mailbox.keep(content, sender="a@b.example", recipients=["c@d.example"], now=now, token="0" * 8)


async def test_an_empty_mailbox_says_so(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/mailbox")
    assert page.status_code == 200
    assert "No letters yet" in page.text


async def test_the_list_leads_to_the_letter_and_back(mailbox: Mailbox, browser: httpx.AsyncClient) -> None:
    name = keep(mailbox, "Thank you", "See you tomorrow")
    listing = await browser.get("/mailbox")
    assert f'href="/mailbox/{name}"' in listing.text
    letter = await browser.get(f"/mailbox/{name}")
    assert "See you tomorrow" in letter.text
    assert 'href="/mailbox"' in letter.text
    raw = await browser.get(f"/mailbox/{name}/raw")
    assert raw.headers["content-type"].startswith("text/plain")
    assert "See you tomorrow" in raw.text


async def test_nothing_in_a_letter_becomes_markup(mailbox: Mailbox, browser: httpx.AsyncClient) -> None:
    name = keep(mailbox, EVIL, f"{EVIL}</pre>")
    for path in ("/mailbox", f"/mailbox/{name}"):
        page = await browser.get(path)
        assert EVIL not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "script-src" not in page.headers["content-security-policy"]


async def test_html_is_shown_as_its_source(mailbox: Mailbox, browser: httpx.AsyncClient) -> None:
    content = b"Content-Type: text/html\r\nSubject: x\r\n\r\n<img src=x onerror=alert(1)>"
    name = mailbox.keep(content, sender="", recipients=[], now=NOON, token="0" * 8)
    page = await browser.get(f"/mailbox/{name}")
    assert "&lt;img src=x" in page.text
    assert "<img" not in page.text


async def test_long_mailboxes_have_pages(mailbox: Mailbox, browser: httpx.AsyncClient) -> None:
    for number in range(60):
        keep(mailbox, f"number {number}", number=number)
    first = (await browser.get("/mailbox")).text
    assert "number 59<" in first
    assert "number 9<" not in first
    assert "?before=50" in first
    assert "number 9<" in (await browser.get("/mailbox?before=50")).text


@pytest.mark.parametrize(
    "name", ["nothing.eml", "..%2f..%2fetc%2fpasswd", "20250303T120000.000000Z-00000000.eml"]
)
async def test_what_is_not_there_is_not_found(browser: httpx.AsyncClient, name: str) -> None:
    assert (await browser.get(f"/mailbox/{name}")).status_code == 404
