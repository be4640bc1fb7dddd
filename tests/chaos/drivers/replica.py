"""The drivers of connectors as a process of their own: with the bus, without database and HTTP.

It is told the bus, the channels with their secrets, how long a lease lasts, how many listen.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext, ForkServerProcess
from types import SimpleNamespace
from typing import Any, cast

from services.connectors.definitions import channel_of
from services.connectors.definitions.channel import Rules
from services.connectors.drivers import ami
from services.connectors.drivers.driving import Drivers
from services.connectors.sending.carrier import Carriers
from services.runtime import leadership
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock

# Forked from one that has loaded everything: there within milliseconds.
context: ForkServerContext = multiprocessing.get_context("forkserver")
context.set_forkserver_preload([__name__])


@dataclass
class Replica:
    """One process. `lease` divides the times of a lease, so that a test need not wait for them."""

    bus_url: str
    channels: Mapping[str, Any]
    secrets: Mapping[str, str]
    lease: float = 1.0
    seats: int = 2
    _process: ForkServerProcess | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        """Its number while it runs."""
        return (self._process.pid or 0) if self._process else 0

    async def start(self) -> None:
        """Run it; returns at once."""
        told = (self.bus_url, self.channels, self.secrets, self.lease, self.seats)
        self._process = context.Process(target=run, args=told, daemon=True)
        await asyncio.to_thread(self._process.start)

    async def kill(self) -> None:
        """SIGKILL; it is gone when this returns."""
        if process := self._process:
            process.kill()
            await asyncio.to_thread(process.join)


def run(url: str, channels: Mapping[str, Any], secrets: Mapping[str, str], lease: float, seats: int) -> None:
    """The process."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for name in ("_LEASE", "_SAFE", "_RENEW", "_LOOK"):
        setattr(leadership, name, getattr(leadership, name) / lease)
    ami.SEATS = seats
    asyncio.run(_drive(url, Rules.of(channel_of(name, one, secrets) for name, one in channels.items())))


async def _drive(url: str, rules: Rules) -> None:
    bus = await Bus.connect(url)
    host = SimpleNamespace(bus=bus, clock=SystemClock(), stopping=asyncio.Event(), definitions=None)
    await Drivers(lambda: rules, Carriers()).run(cast(Any, host))
