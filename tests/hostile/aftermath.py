"""What must be true when every attack is over."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

from tests.hostile.attack import Attack
from tests.hostile.target import Target
from tests.support.wait import until

_SERVICES = ("connectors", "leads", "deals", "notifications")
# Planted by the attacks; the banner may tell where the token is, as it is meant for whoever reads it.
_PLANTED = re.compile(r"planted|hostile\.test|evil\.test|Smuggled|alert\(1\)|{{7\*7}}", re.IGNORECASE)
_HONEST = "honest@hostile.test"


class Visits:
    """A listener that nobody has a reason to visit: its address is planted wherever an address fits."""

    def __init__(self) -> None:
        self.count = 0
        self.url = ""

    async def _visited(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.count += 1
        writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Visits"]:
        server = await asyncio.start_server(self._visited, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self


def requests_elsewhere(visits: Visits) -> Attack:
    """Server-side request forgery: nothing that comes in makes the hub ask an address."""

    async def run(target: Target) -> str:
        url = visits.url + "/planted"
        names = (
            "your-name",
            "question",
            "course",
            "url",
            "image",
            "avatar",
            "callback",
            "redirect",
            "file_url",
        )
        await target.post_form(
            urlencode({**dict.fromkeys(names, url), "your-email": "ssrf@hostile.test"}).encode()
        )
        named = {"Referer": url, "Origin": visits.url, "X-Forwarded-Host": url}
        await target.send("POST", "/in/main-site", b"your-name=Sam", named)
        wanted = {"subject": url, "text": url, "html": f'<img src="{url}">'}
        await target.api("POST", "/api/notifications/templates/preview", wanted)
        redirect = (
            f'channels:\n  a: {{kind: form, settings: {{origins: ["{visits.url}"], redirect: "{url}"}}}}\n'
        )
        await target.api("POST", "/api/hub/definitions/diff", {"files": {"channels.yaml": redirect}})
        await target.hub.letter_to("ssrf@hostile.test")
        return f"{visits.count} visits"

    return Attack("ssrf", "an address of ours wherever one fits", "0 visits", run)


async def _parked(target: Target) -> str:
    """Nothing that was stored is in anybody's way."""
    await until(lambda: target.has_read(*_SERVICES), 30, why="every reader to have read to the end")
    counts = [await target.hub.count(f"{service}.parked") for service in _SERVICES]
    return f"{sum(counts)} parked"


async def _honest(target: Target) -> str:
    begun = time.perf_counter()
    fields = {"your-name": "Sam", "your-email": _HONEST, "question": "Evenings?"}
    await target.post_form(urlencode(fields).encode())
    await target.hub.letter_to(_HONEST)
    return f"answered by a letter within {5 if time.perf_counter() - begun < 5 else 60} s"


async def _silence(target: Target) -> str:
    """No planted value, token or secret in what the hub has printed since, nor in its engines' logs."""
    logs = [path for path in target.hub.home.rglob("*.log") if path.is_file()]
    said = target.hub.said.partition("Ctrl-C stops everything")[2]
    said += "".join(path.read_text(errors="replace") for path in logs)
    found = {match.group() for match in _PLANTED.finditer(said)}
    for name, secret in (("token", target.hub.token), ("secret", target.hub.secret("TELEGRAM_SECRET"))):
        found |= {name} if secret in said else set()
    return f"{len(logs)} logs of engines, {len(said.splitlines())} lines, " + (
        f"with {sorted(found)}" if found else "nothing planted"
    )


async def _tracebacks(target: Target) -> str:
    return f"{target.hub.said.count('Traceback')} tracebacks"


async def _server_errors(target: Target) -> str:
    wrong = sorted({status for status in target.statuses if status >= 500 and status not in (501, 503)})
    return f"{len(target.statuses)} answers, {wrong or 'none'} in the 500s"


AFTERMATH = [
    Attack("after", "messages that could not be handled", "0 parked", _parked),
    Attack("after", "an honest form", "answered by a letter within 5 s", _honest),
    Attack(
        "after",
        "what the log says of anybody",
        r"[1-9]\d* logs of engines, \d+ lines, nothing planted",
        _silence,
    ),
    Attack("after", "what the hub did not expect", "0 tracebacks", _tracebacks),
    Attack("after", "answers that blame the hub", r"\d+ answers, none in the 500s", _server_errors),
]
