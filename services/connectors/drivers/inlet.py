"""What a driver gets: its channel, a way to hand over what came in, a memory of how far it got."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from services.connectors.definitions.channel import Channel
from services.connectors.domain import Delivery
from services.connectors.errors import NotStored
from services.connectors.outside.web import Web
from services.connectors.sending.carrier import Carriers
from services.connectors.store import raw
from services.runtime.bus import Bus, BusUnavailable
from services.runtime.clock import Clock
from services.runtime.patience import Backoff, heed_cancellation
from services.runtime.slots import Overtaken, Slot
from services.runtime.streams import INLETS_BUCKET

log = structlog.get_logger()
_STORE_SECONDS = 4.0


class Unreachable(Exception):
    """The peer cannot be used just now; the text says why and what to do, without secrets."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One thing that came in. `salt` tells deliveries of the same bytes apart."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    salt: str = ""
    received_at: datetime | None = None


class Cursor:
    """How far a channel got, on the bus: two drivers can never both move it."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._revision = 0
        self.value: dict[str, Any] = {}

    async def load(self) -> None:
        """Read it. Raises BusUnavailable."""
        found, self._revision = await self._slot.read()
        self.value = json.loads(found) if found else {}

    async def move(self, value: Mapping[str, Any]) -> None:
        """Remember a new place, however long that takes.

        Only for what `Inlet.store` has returned from. Raises Overtaken when another driver has moved it.
        """
        backoff = Backoff(first=0.1, longest=2)
        written = json.dumps(value, sort_keys=True).encode()
        unsure = False
        while True:
            try:
                self._revision = await self._slot.write(written, self._revision)
            except BusUnavailable as error:
                unsure = True
                log.warning("driver.cursor_not_moved", why=str(error))
                await asyncio.sleep(backoff.next())
                if not await self._ours(written):
                    continue
            except Overtaken:
                # By a write of our own, if one that had no answer happened after all.
                if not (unsure and await self._ours(written)):
                    raise
            self.value = dict(value)
            heed_cancellation()
            return

    async def _ours(self, written: bytes) -> bool:
        """A write without an answer may have happened."""
        try:
            found, revision = await self._slot.read()
        except BusUnavailable:
            return False
        if found == written and revision > self._revision:
            self._revision = revision
            return True
        return False


@dataclass
class Inlet:
    """One channel in the hands of its driver, from taking the lead until losing it.

    `state` is what people read of it. Kinds whose messages must leave through the driver's own
    connection register a carrier in `carriers` while it stands. Files are read below `root` alone.
    """

    channel: Channel
    bus: Bus
    clock: Clock
    web: Web
    carriers: Carriers
    cursor: Cursor
    told: dict[str, str]
    root: Path | None = None

    def state(self, words: str, private: str = "") -> None:
        """Say how it stands, such as "connected", for people. What is `private` stands behind, and not in
        the log: a name of a file may be a person's.
        """
        whole = f"{words}{private}"[:200]
        if self.told.get("state") != whole:
            self.told |= {"state": whole, "since": self.clock.now().isoformat()}
            log.info("driver.state", channel=self.channel.name, state=words[:200])

    def secret(self, name: str) -> str:
        """The newest live value of a secret setting; empty when it has none."""
        live = self.channel.secrets.get(name, ())
        return live[0].get_secret_value() if live else ""

    async def store(self, *arrived: Arrived) -> None:
        """Return once all of these are on disk in the bus, however long that takes."""
        await asyncio.gather(*(self._store(self._delivery(one)) for one in arrived))

    def _delivery(self, one: Arrived) -> Delivery:
        kind = self.channel.kind
        headers = {"content-type": kind.manifest.example_type, **one.headers}
        at = one.received_at or self.clock.now()
        return Delivery(self.channel.name, kind.name, one.body, at, headers, method="FETCH", salt=one.salt)

    async def _store(self, delivery: Delivery) -> None:
        backoff = Backoff(first=0.1, longest=5)
        while True:
            try:
                await raw.store(self.bus, delivery, _STORE_SECONDS)
                return
            except NotStored as error:
                log.warning("driver.not_stored", channel=self.channel.name, why=str(error))
                await asyncio.sleep(backoff.next())


def inlet_of(
    channel: Channel, bus: Bus, clock: Clock, web: Web, carriers: Carriers, told: dict[str, str]
) -> Inlet:
    """An inlet whose cursor is not loaded yet."""
    cursor = Cursor(Slot(bus, INLETS_BUCKET, f"cursor.{channel.name}"))
    return Inlet(channel, bus, clock, web, carriers, cursor, told)
