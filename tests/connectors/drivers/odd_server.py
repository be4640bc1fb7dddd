"""A server that says what a test wants it to, for what no well-behaved one can be made to do.

It knows just enough of RFC 3501 to hand out mail; a test replaces its answers.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Answer = Callable[[str], bytes]
_SETS = re.compile(r"UID FETCH (\S+) ")


@dataclass
class OddServer:
    """Its mails by uid; `answers` by the beginning of a command, {tag} in them is filled in."""

    port: int = 0
    mails: dict[int, bytes] = field(default_factory=dict)
    abilities: str = "IMAP4rev1 AUTH=PLAIN SASL-IR"
    answers: dict[str, Answer] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        writer.write(f"* OK [CAPABILITY {self.abilities}] ready\r\n".encode())
        try:
            while line := (await reader.readline()).decode().strip():
                tag, _, command = line.partition(" ")
                self.heard.append(command or tag)
                writer.write(self._answer(command or tag).replace(b"{tag}", tag.encode()))
        except ConnectionError:
            return
        finally:
            writer.close()

    def _answer(self, command: str) -> bytes:
        given = (answer for start, answer in self.answers.items() if command.startswith(start))
        return next(given, self.said)(command)

    def said(self, command: str) -> bytes:
        """What it says by itself."""
        done = b"{tag} OK done\r\n"
        if command.startswith(("SELECT", "EXAMINE")):
            following = max(self.mails, default=0) + 1
            return b"* OK [UIDVALIDITY 7] so\r\n* OK [UIDNEXT %d] so\r\n%s" % (following, done)
        if command.startswith("UID SEARCH"):
            return b"* SEARCH %s\r\n%s" % (" ".join(map(str, self._found(command.split()[3]))).encode(), done)
        if wanted := _SETS.match(command):
            uids = [int(uid) for uid in wanted[1].split(",")]
            return b"".join(self.mail(uid, command) for uid in uids if uid in self.mails) + done
        if command.startswith("CAPABILITY"):
            return b"* CAPABILITY %s\r\n%s" % (self.abilities.encode(), done)
        return done

    def _found(self, wanted: str) -> list[int]:
        low, _, high = wanted.partition(":")
        if not high:
            return [uid for uid in self.mails if str(uid) in wanted.split(",")]
        found = [uid for uid in self.mails if int(low) <= uid and (high == "*" or uid <= int(high))]
        return found or list(self.mails)[-1:]

    def mail(self, uid: int, command: str) -> bytes:
        """One FETCH response."""
        body = self.mails[uid]
        if "BODY" not in command:
            return b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (uid, uid, len(body))
        return b"* %d FETCH (BODY[]<0> {%d}\r\n%s UID %d)\r\n" % (uid, len(body), body, uid)


@asynccontextmanager
async def odd_server(**given: object) -> AsyncIterator[OddServer]:
    """The server on a free port."""
    server = OddServer(**given)  # type: ignore[arg-type]
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
