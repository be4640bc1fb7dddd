"""An Asterisk manager on a real socket: greets, checks the login, and says what a test wants said."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

USER, SECRET = "leadwire", "only for this test"
CHALLENGE = "145769581"
BANNER = b"Asterisk Call Manager/9.0.0\r\n"


@dataclass
class Session:
    """One connection; `open` once its login was accepted."""

    writer: asyncio.StreamWriter
    actions: list[dict[str, str]] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def alive(self) -> bool:
        return self.open.is_set() and not self.writer.is_closing()


@dataclass
class Asterisk:
    """The exchange. `up` is what CoreShowChannels answers, `challenge` whether it knows MD5."""

    challenge: bool = True
    permitted: bool = True
    up: bytes = b""
    after_login: bytes = b""
    sessions: list[Session] = field(default_factory=list)
    port: int = 0

    @property
    def alive(self) -> list[Session]:
        """Those who are logged in."""
        return [one for one in self.sessions if one.alive]

    async def say(self, words: bytes, piece: int = 0) -> int:
        """Tell everybody who is logged in, in pieces of so many bytes; how many that were."""
        listeners = self.alive
        for one in listeners:
            for at in range(0, len(words), piece or len(words)):
                one.writer.write(words[at : at + (piece or len(words))])
                if piece:
                    await one.writer.drain()
                    await asyncio.sleep(0)
        return len(listeners)

    def hang_up(self) -> None:
        """As when Asterisk is restarted."""
        for one in self.sessions:
            one.writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the other side is gone."""
        session = Session(writer)
        self.sessions.append(session)
        writer.write(BANNER)
        try:
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
                action = dict(line.split(": ", 1) for line in block.split("\r\n") if ": " in line)
                session.actions.append(action)
                writer.write(self._answer(session, action))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    def _answer(self, session: Session, action: Mapping[str, str]) -> bytes:
        match action["Action"]:
            case "Challenge" if self.challenge:
                return _response("Success", action, f"Challenge: {CHALLENGE}")
            case "Login" if self._may(action):
                session.open.set()
                welcome = _response("Success", action, "Message: Authentication accepted")
                return welcome + self.after_login
            case "Login":
                return _response("Error", action, "Message: Authentication failed")
            case "Ping":
                return _response("Success", action, "Ping: Pong")
            case "CoreShowChannels" if self.permitted:
                return _response("Success", action, "EventList: start") + self.up
        return _response("Error", action, "Message: Permission denied")

    def _may(self, action: Mapping[str, str]) -> bool:
        key = hashlib.md5((CHALLENGE + SECRET).encode()).hexdigest()
        shown = action.get("Key") == key if self.challenge else action.get("Secret") == SECRET
        return action["Username"] == USER and shown


def _response(how: str, action: Mapping[str, str], more: str) -> bytes:
    return f"Response: {how}\r\nActionID: {action['ActionID']}\r\n{more}\r\n\r\n".encode()


def event(name: str, number: int, **fields: str) -> bytes:
    """An event of the call `number`, as Asterisk writes it."""
    channel = {"Channel": f"PJSIP/mtt-{number:08x}", "CallerIDNum": "79161234567", "Context": "from-trunk"}
    known = {**channel, "Exten": "74951112233", "Uniqueid": f"1768470000.{number}"}
    lines = {"Event": name, "Privilege": "call,all", **known, "Linkedid": f"1768470000.{number}", **fields}
    return "".join(f"{key}: {value}\r\n" for key, value in lines.items()).encode() + b"\r\n"


@asynccontextmanager
async def asterisk(tls: ssl.SSLContext | None = None, **how: Any) -> AsyncIterator[Asterisk]:
    """An exchange that listens on a free port."""
    peer = Asterisk(**how)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        peer.hang_up()


def channel(port: int, **settings: object) -> dict[str, Any]:
    """A channel that listens to it; its secret is AMI_SECRET."""
    known = {"host": "127.0.0.1", "port": port, "user": USER, "secret": "${AMI_SECRET}", "trunks": ["mtt"]}
    return {"kind": "asterisk_ami", "settings": {**known, **settings}}
