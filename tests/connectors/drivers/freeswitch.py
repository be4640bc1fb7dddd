"""A FreeSWITCH event socket: asks for the password, and says what a test wants said."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

PASSWORD = "only for this test"


@dataclass
class FreeSwitch:
    """The exchange. `listeners` have the password and asked for events."""

    turned_away: bool = False
    with_reply: bytes = b""
    listeners: list[asyncio.StreamWriter] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    port: int = 0

    async def say(self, words: bytes, piece: int = 0) -> None:
        """Tell all listeners, in pieces of so many bytes."""
        for one in self.listeners:
            for at in range(0, len(words), piece or len(words)):
                one.write(words[at : at + (piece or len(words))])
                if piece:
                    await one.drain()
                    await asyncio.sleep(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the other side is gone."""
        if self.turned_away:
            text = b"Access Denied, go away.\n"
            writer.write(b"Content-Type: text/rude-rejection\nContent-Length: %d\n\n" % len(text) + text)
            writer.close()
            return
        writer.write(b"Content-Type: auth/request\n\n")
        known = False
        try:
            while True:
                words = (await reader.readuntil(b"\n\n")).decode().strip()
                self.heard.append(words)
                if words.startswith("auth "):
                    known = words == f"auth {PASSWORD}"
                    writer.write(_reply("+OK accepted" if known else "-ERR invalid"))
                elif words.startswith("event ") and known:
                    self.listeners.append(writer)
                    writer.write(self.with_reply + _reply("+OK event listener enabled plain"))
                else:
                    writer.write(b"Content-Type: api/response\nContent-Length: 1\n\n1")
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            if writer in self.listeners:
                self.listeners.remove(writer)


def _reply(text: str) -> bytes:
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode()


def event(name: str, number: int, **fields: str) -> bytes:
    """An event of the call `number`, as it goes over the wire; underscores in names are hyphens."""
    known = {"Event-Name": name, "Unique-ID": f"call-{number}", "Call-Direction": "inbound"}
    known |= {"Caller-Context": "public", "Caller-Caller-ID-Number": "+79161234567"}
    known |= {field.replace("_", "-"): value for field, value in fields.items()}
    body = "".join(f"{field}: {quote(value, safe='')}\n" for field, value in known.items()).encode() + b"\n"
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(body) + body


@asynccontextmanager
async def freeswitch(**how: Any) -> AsyncIterator[FreeSwitch]:
    """An exchange that listens on a free port."""
    peer = FreeSwitch(**how)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for one in list(peer.listeners):
            one.transport.abort()


def channel(port: int) -> dict[str, Any]:
    """A channel that listens to it; its password is ESL_PASSWORD."""
    settings = {"host": "127.0.0.1", "port": port, "password": "${ESL_PASSWORD}"}
    return {"kind": "freeswitch_esl", "settings": settings}
