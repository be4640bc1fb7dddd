"""The hub under attack, and ways to reach it that no honest client takes."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx

from tests.e2e.hub import Hub
from tests.support.wait import until

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
FORM = "application/x-www-form-urlencoded"


class Target:
    """A running hub with the example in force."""

    def __init__(self, hub: Hub, client: httpx.AsyncClient) -> None:
        self.hub = hub
        self.client = client
        self.statuses: list[int] = []

    async def raw(self, *pieces: bytes, within: float = 15.0, pause: float = 0.0) -> str:
        """Send bytes as they are; the statuses of every answer, and `closed` when the hub hung up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.hub.http_port)
        answers = bytearray()

        async def read() -> None:
            while piece := await reader.read(65536):
                answers.extend(piece)

        reading = asyncio.create_task(read())
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                if reading.done():
                    break
                if pause:
                    await asyncio.wait([reading], timeout=pause)
        # For the hub to hang up; most attacks are over long before.
        await asyncio.wait([reading], timeout=within)
        closed = reading.done()
        reading.cancel()
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError):
            await reading
        found = [int(status) for status in _STATUS.findall(answers)]
        self.statuses += found
        return " ".join([*map(str, found), *(["closed"] if closed else [])])

    async def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A request of any method, to any path."""
        named = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
        request = self.client.build_request(method, self.hub.url, content=body, headers=named)
        # As it is: httpx would normalise it.
        request.url = request.url.copy_with(raw_path=path.encode("latin-1"))
        answer = await self.client.send(request)
        self.statuses.append(answer.status_code)
        return answer

    async def post_form(
        self, body: bytes, content_type: str = FORM, channel: str = "main-site"
    ) -> httpx.Response:
        """Hand bytes to the form's inlet."""
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        return await self.send("POST", f"/in/{channel}", body, headers)

    async def api(self, method: str, path: str, body: Any = None, token: str | None = "") -> httpx.Response:
        """Ask an API, as the administrator unless told otherwise."""
        token = self.hub.token if token == "" else token
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if isinstance(body, bytes):
            content: bytes | None = body
        else:
            content = None if body is None else json.dumps(body).encode()
        return await self.send(method, path, content, headers)

    async def stored(self) -> int:
        """Messages ever stored in streams of deliveries."""
        return sum(one["last"] for one in await self.readers("connectors"))

    async def readers(self, service: str) -> list[dict[str, Any]]:
        """How far a service has read each of its streams."""
        return list((await self.api("GET", f"/api/{service}/readers")).json())

    async def has_read(self, *services: str) -> bool:
        """Whether services have read everything there is."""
        found = [one for service in services for one in await self.readers(service)]
        return all(one["last"] == (one["position"] or 0) for one in found)

    async def has_told(self, service: str) -> bool:
        """Whether a service has published everything it has to say."""
        [row] = await self.hub.rows(f"SELECT count(*) FROM {service}.outbox WHERE published_at IS NULL")
        return int(row[0]) == 0

    async def verdict(self, delivery: str) -> str:
        """What became of a delivery, once it is decided."""

        async def found() -> str | None:
            rows = await self.hub.rows(
                "SELECT verdict, reason FROM connectors.deliveries WHERE id = $1 AND verdict <> 'waiting'",
                delivery,
            )
            return f"{rows[0]['verdict']} {rows[0]['reason']}".strip() if rows else None

        return str(await until(found, 30, why=f"a verdict on {delivery}"))

    async def fate(self, answer: httpx.Response) -> str:
        """Status of an answer and what became of its delivery."""
        if answer.status_code != 200:
            return told(answer)
        return f"200 {await self.verdict(answer.json()['delivery'])}"

    @asynccontextmanager
    async def smtp(self) -> AsyncIterator["Mail"]:
        """A raw SMTP session, greeted."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.hub.smtp_port)
        session = Mail(reader, writer)
        try:
            await session.reply()
            yield session
        finally:
            writer.close()


class Mail:
    """An SMTP session that says what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, *lines: bytes) -> str:
        """Send lines, each with its line end already; the code of the next reply."""
        for line in lines:
            self._writer.write(line)
        await self._writer.drain()
        return await self.reply()

    async def reply(self, within: float = 20.0) -> str:
        """The code of the next reply; `closed` when the hub hung up."""
        async with asyncio.timeout(within):
            while line := await self._reader.readline():
                if line[3:4] != b"-":
                    return line[:3].decode()
        return "closed"

    async def open(self, recipients: Sequence[bytes] = (b"hello@school.example",)) -> str:
        """Everything up to DATA; the code of its reply."""
        await self.say(b"EHLO attacker.test\r\n")
        await self.say(b"MAIL FROM:<attacker@evil.test>\r\n")
        for recipient in recipients:
            await self.say(b"RCPT TO:<" + recipient + b">\r\n")
        return await self.say(b"DATA\r\n")


def told(answer: httpx.Response) -> str:
    """The status; for an error also the field it names, and what its RFC 9457 body lacks."""
    if answer.status_code < 400:
        return str(answer.status_code)
    if "text/html" in answer.headers.get("content-type", ""):
        return f"{answer.status_code} page"
    if answer.headers.get("content-type") != "application/problem+json":
        return f"{answer.status_code} as {answer.headers.get('content-type')}"
    problem = answer.json()
    named = f" {problem['field']}" if problem.get("field") else ""
    missing = [word for word in ("title", "detail") if not problem.get(word)]
    return f"{answer.status_code}{named}" + (f" without {missing}" if missing else "")
