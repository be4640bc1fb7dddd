"""Long poll: asks the vendor again and again, each time holding on until there is something.

What the request looks like and where the items are stands in the manifest's `[poll]`. The cursor moves only
when every item before it is on disk in the bus; what comes again after a crash is the same delivery.
"""

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from services.connectors.catalog.polling import Polling, fill
from services.connectors.domain.exchange import Answer, Request
from services.connectors.drivers.inlet import Arrived, Inlet, Unreachable
from services.connectors.errors import Unreadable
from services.connectors.outside.web import NoAnswer, NotReached
from services.connectors.reading.documents import read_object
from services.connectors.reading.inside import text_at
from services.connectors.reading.slices import items_in

_TOO_FAST = 429
# Seconds beyond the vendor's own wait before we give an answer up.
_GRACE = 10.0
# After an empty answer that came at once: a vendor that does not hold on must not be asked in a circle.
_PAUSE = 1.0
_LONGEST_PAUSE = 300.0


@dataclass(frozen=True, slots=True)
class Page:
    """What one answer holds: items byte for byte, and where to go on."""

    items: tuple[bytes, ...]
    cursor: str


async def drive(inlet: Inlet) -> None:
    """Fetch until cancelled. Raises Unreachable."""
    polling = inlet.channel.kind.manifest.poll
    if polling is None:
        raise Unreachable(f"the manifest of {inlet.channel.kind.name} has no [poll]")
    if urlsplit(fill(polling.url, _values(inlet, polling))).scheme not in ("http", "https"):
        raise Unreachable("the address to ask is none: correct the setting it is made of, such as api_url")
    whose = _account(inlet, polling)
    wait = 0  # the first time, to know at once whether we are let in
    clock = asyncio.get_running_loop()
    while True:
        asked = clock.time()
        before = cursor_at(inlet.cursor.value, polling, whose, inlet.clock.now())
        page = await _ask(inlet, polling, before, wait)
        if page is None:
            continue
        wait = polling.wait
        await inlet.store(*(Arrived(item) for item in page.items))
        if page.items or page.cursor != before:
            moved = inlet.clock.now().isoformat()
            await inlet.cursor.move({"at": page.cursor, "moved": moved, "whose": whose})
        if not page.items and clock.time() - asked < min(_PAUSE, polling.wait):
            await asyncio.sleep(_PAUSE)


def cursor_at(kept: dict[str, Any], polling: Polling, whose: str, now: datetime) -> str:
    """The place to go on from. Empty at first, for another account, and after so much silence that the
    vendor's numbers start anew.
    """
    if not kept or kept.get("whose") != whose:
        return ""
    moved = datetime.fromisoformat(kept["moved"]).astimezone(UTC)
    stale = polling.forget and now - moved > timedelta(hours=polling.forget)
    return "" if stale else str(kept["at"])


def page_of(answer: bytes, polling: Polling, cursor: str) -> Page:
    """The items of an answer and the next place. Raises Unreadable."""
    items, beside = items_in(answer, polling.items)
    where, field = polling.place
    if where == "answer":
        cursor = text_at(beside, field) or cursor
    else:
        told = (text_at(read, field) for _, read in items)
        numbers = [number for number in told if number.isdecimal() and len(number) < 20]
        if items and not numbers:
            raise Unreadable(f"no item has a number {field}")
        cursor = str(max(map(int, numbers)) + 1) if numbers else cursor
    return Page(tuple(raw for raw, _ in items), cursor)


def request_of(polling: Polling, values: dict[str, str]) -> Request:
    """What is asked for."""
    safe = {name: quote(value, safe=":") if name.startswith("secret:") else value
            for name, value in values.items()}  # fmt: skip
    query = {name: filled for name, text in polling.query.items() if (filled := fill(text, values))}
    headers = {name: filled for name, text in polling.headers.items() if (filled := fill(text, values))}
    return Request(fill(polling.url, safe) + (f"?{urlencode(query)}" if query else ""), headers=headers)


async def _ask(inlet: Inlet, polling: Polling, cursor: str, wait: int) -> Page | None:
    """What came; None when the vendor wanted us to slow down, which we then did."""
    request = request_of(polling, {**_values(inlet, polling), "cursor": cursor, "wait": str(wait)})
    try:
        answer = await inlet.web.ask(request, timeout=wait + _GRACE)
    except (NotReached, NoAnswer) as error:
        raise Unreachable(f"the vendor did not answer: {error}") from error
    if answer.status == _TOO_FAST:
        inlet.state("slowed down by the vendor")
        await asyncio.sleep(pause_of(answer, polling))
        return None
    if answer.status != 200:
        raise Unreachable(f"the vendor refused with {answer.status}: {_meaning(polling, answer.status)}")
    inlet.state("connected")
    try:
        return page_of(answer.body, polling, cursor)
    except Unreadable as error:
        raise Unreachable(f"{error}: does {urlsplit(request.url).hostname} speak this API?") from error


def pause_of(answer: Answer, polling: Polling) -> float:
    """Seconds that the vendor wants us to wait."""
    told = answer.headers.get("retry-after", "")
    if polling.after:
        with suppress(Unreadable):
            told = text_at(read_object(answer.body, exact=True), *polling.after.split(".")) or told
    return min(float(told), _LONGEST_PAUSE) if told.isdecimal() else _PAUSE * 5


def _values(inlet: Inlet, polling: Polling) -> dict[str, str]:
    settings = inlet.channel.settings
    values = {}
    for sort, name in polling.names:
        value = inlet.secret(name) if sort == "secret" else settings.text(name).rstrip("/")
        values[f"{sort}:{name}"] = value
    return values


def _account(inlet: Inlet, polling: Polling) -> str:
    """A mark of the account in the address: a place in one account's list says nothing of another's."""
    in_address = sorted(name for sort, name in polling.names if f"{{{sort}:{name}}}" in polling.url)
    secret = "\n".join(filter(None, map(inlet.secret, in_address)))
    return hashlib.blake2b(secret.encode(), digest_size=8).hexdigest() if secret else ""


def _meaning(polling: Polling, status: int) -> str:
    return polling.means.get(str(status)) or "it is asked again later"
