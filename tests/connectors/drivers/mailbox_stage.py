"""The IMAP driver at work on a bus, without the service around it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from services.runtime.bus import Bus
from tests.connectors.drivers import hand
from tests.connectors.drivers.hand import by_hand
from tests.support.mailboxes import PASSWORD, USER
from tests.support.wait import until

SECRETS = {"IMAP_PASSWORD": PASSWORD, "CLIENT_SECRET": "s3cr3t", "REFRESH": "r3fr3sh"}


def mail(number: int, text: str = "Hello") -> bytes:
    """A mail that a person wrote."""
    return (
        f"Return-Path: <anna{number}@example.com>\r\nFrom: Anna <anna{number}@example.com>\r\n"
        f"To: info@school.example\r\nSubject: Lesson {number}\r\nMessage-ID: <m{number}@example.com>\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


def definition(port: int, **settings: Any) -> dict[str, Any]:
    """A channel for a server on this machine."""
    own = {"host": "127.0.0.1", "port": port, "user": USER, "addresses": ["info@school.example"]}
    own |= {"security": "none", "password": "${IMAP_PASSWORD}"}
    return {"kind": "imap", "settings": own | settings}


@dataclass
class Driven:
    """One run of the driver."""

    bus: Bus
    run: hand.Driven

    async def connected(self) -> None:
        """Wait until it has looked once. Raises what the driver raised."""
        await until(self._stands, why=f"connected, not {self.run.state!r}")

    def _stands(self) -> bool:
        if self.run.task.done():
            self.run.task.result()
        return self.run.state == "connected"

    async def stored(self, count: int) -> list[Mapping[str, str]]:
        """The headers of all that is stored, once it is so much."""
        await until(lambda: self._has(count), why=f"{count} deliveries")
        return [(await self.bus.js.get_msg("INTAKE", n + 1)).headers or {} for n in range(count)]

    async def _has(self, count: int) -> bool:
        enough = await _count(self.bus) >= count
        if not enough and self.run.task.done():
            self.run.task.result()
        return enough

    async def subjects(self, count: int) -> list[str]:
        """What the stored mails are about."""
        await self.stored(count)
        return await subjects(self.bus)


async def _count(bus: Bus) -> int:
    return (await bus.js.stream_info("INTAKE")).state.messages


async def subjects(bus: Bus) -> list[str]:
    """What the stored mails are about."""
    bodies = [(await bus.js.get_msg("INTAKE", n + 1)).data or b"" for n in range(await _count(bus))]
    return sorted(body.partition(b"Subject: ")[2].partition(b"\r\n")[0].decode() for body in bodies)


@asynccontextmanager
async def driving(bus: Bus, port: int, **settings: Any) -> AsyncIterator[Driven]:
    """The driver, going on from where the last one stopped."""
    async with by_hand(bus, definition(port, **settings), None, **SECRETS) as drivers:
        yield Driven(bus, await drivers.drive())
