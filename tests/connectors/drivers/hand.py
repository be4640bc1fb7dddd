"""One driver by hand: with a channel, a bus and nothing around them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.connectors.definitions import channel_of
from services.connectors.domain import Delivery
from services.connectors.drivers.driving import driver_of
from services.connectors.drivers.inlet import Inlet, inlet_of
from services.connectors.outside.web import Web
from services.connectors.sending.carrier import Carriers
from services.connectors.store.raw import message_at, stored_delivery
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from tests.support.wait import until


@dataclass
class Driven:
    """A driver that runs in a task."""

    inlet: Inlet
    task: "asyncio.Task[None]"
    carriers: Carriers

    @property
    def state(self) -> str:
        return self.inlet.told.get("state", "")

    async def kill(self) -> None:
        """As a process that is gone: whatever it was doing."""
        self.task.cancel()
        await asyncio.wait([self.task])

    async def failure(self) -> str:
        """Why it ended by itself."""
        async with asyncio.timeout(10):
            await asyncio.wait([self.task])
        error = self.task.exception()
        assert error is not None
        return f"{type(error).__name__}: {error}"


@dataclass
class Hand:
    """Starts drivers of one channel, one after the other."""

    bus: Bus
    web: Web
    definition: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None
    started: list[Driven] = field(default_factory=list)

    async def drive(self) -> Driven:
        """A driver that goes on where the cursor stands."""
        channel = channel_of("inlet", self.definition, self.secrets)
        carriers = Carriers()
        inlet = inlet_of(channel, self.bus, SystemClock(), self.web, carriers, {})
        inlet.root = self.root
        await inlet.cursor.load()

        async def run() -> None:
            await driver_of(channel)(inlet)

        self.started.append(Driven(inlet, asyncio.create_task(run()), carriers))
        return self.started[-1]

    async def stored(self, count: int, within: float = 10) -> list[Delivery]:
        """Everything in the stream, once it is so much."""

        async def enough() -> bool:
            return (await self.bus.js.stream_info("INTAKE")).state.messages >= count

        await until(enough, within=within, why=f"{count} deliveries")
        last = (await self.bus.js.stream_info("INTAKE")).state.messages
        return [stored_delivery(await message_at(self.bus, "INTAKE", 1 + at)).delivery for at in range(last)]


@asynccontextmanager
async def by_hand(
    bus: Bus, definition: Mapping[str, Any], root: Path | None = None, **secrets: str
) -> AsyncIterator[Hand]:
    """A hand for a channel; all its drivers end with it."""
    async with Web() as web:
        hand = Hand(bus, web, definition, secrets, root)
        try:
            yield hand
        finally:
            for driven in hand.started:
                await driven.kill()
