"""A vendor over a real socket that speaks as Telegram, WhatsApp and VK do, and misbehaves when asked to."""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

# Instead of an answer: never say a word, or hang up after having read everything.
SILENCE, HANG_UP = "silence", "hang up"


@dataclass(frozen=True)
class Asked:
    """One request that was read whole."""

    at: float
    path: str
    headers: dict[str, str]
    said: dict[str, Any]

    @property
    def to(self) -> str:
        """Whom it was for, in any vendor's spelling."""
        return str(self.said.get("chat_id") or self.said.get("to") or self.said.get("peer_ids"))

    @property
    def text(self) -> str:
        """What was to be sent, in any vendor's spelling."""
        inner = self.said.get("text") or self.said["message"]
        return str(inner["body"] if isinstance(inner, dict) else inner)


@dataclass
class Vendor:
    """`script` holds what the next requests get: (status, document, headers), SILENCE or HANG_UP."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    script: deque[Any] = field(default_factory=deque)
    delay: float = 0.0
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    _numbers: Counter[str] = field(default_factory=Counter)

    def refuse(self, status: int, document: dict[str, Any], **headers: str) -> None:
        """The next request gets this."""
        self.script.append((status, document, headers))

    @property
    def texts(self) -> list[str]:
        """What was sent, in its order."""
        return [one.text for one in self.asked]

    def _answer(self, asked: Asked) -> Any:
        if self.script:
            return self.script.popleft()
        self._numbers[asked.to] += 1
        number = self._numbers[asked.to]
        if "/bot" in asked.path:
            chat = asked.said["chat_id"]
            return 200, {"ok": True, "result": {"message_id": number, "chat": {"id": chat}}}, {}
        if "/method/" in asked.path:
            taken = {"peer_id": int(asked.to), "message_id": 0, "conversation_message_id": number}
            return 200, {"response": [taken]}, {}
        return 200, {"messages": [{"id": f"wamid.{asked.to}.{number}"}]}, {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        self.open.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {
                    name.lower(): value
                    for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                asked = Asked(time.monotonic(), head[0].split(" ")[1], headers, _document(headers, body))
                self.asked.append(asked)
                answer = self._answer(asked)
                if answer == HANG_UP:
                    return
                await asyncio.sleep(3600 if answer == SILENCE else self.delay)
                writer.write(_written(*answer))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()


def _document(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    if headers.get("content-type", "").endswith("urlencoded"):
        return dict(parse_qsl(body.decode("ascii"), strict_parsing=True))
    found: dict[str, Any] = json.loads(body)
    return found


def _written(status: int, document: dict[str, Any], headers: dict[str, str]) -> bytes:
    body = json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def vendor() -> AsyncIterator[Vendor]:
    """A vendor that listens."""
    one = Vendor()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield one
    finally:
        server.close()
        for writer in list(one.open):
            writer.close()
