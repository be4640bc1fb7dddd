"""Keeps one driver going for each channel that needs one, with the definitions as they are now."""

import asyncio
import importlib
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Gauge

from services.connectors.catalog.manifest import DRIVEN
from services.connectors.definitions.channel import Channel, Rules
from services.connectors.drivers.inlet import Inlet, Unreachable, inlet_of
from services.connectors.drivers.standing import LEASES, tell_trouble, why_of
from services.connectors.outside.web import Web
from services.connectors.sending.carrier import Carriers
from services.runtime.bus import Bus
from services.runtime.leadership import Leadership, hold_one_of
from services.runtime.patience import Backoff, wait_any
from services.runtime.slots import Overtaken
from services.runtime.streams import INLETS_BUCKET

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()
LEADING = Gauge("leadwire_driver_leading", "1 while this process drives the channel.", ["channel"])
FAILURES = Counter("leadwire_driver_failures_total", "Times a driver had to start again.", ["channel"])
_LOOK_SECONDS = 0.5
_LONGEST_PAUSE = 30.0
_STEADY_SECONDS = 60.0
Drive = Callable[[Inlet], Awaitable[None]]


def driver_of(channel: Channel) -> Drive:
    """The driver of a channel's transport."""
    drive: Drive = _module(channel).drive
    return drive


def _module(channel: Channel) -> ModuleType:
    return importlib.import_module(f"services.connectors.drivers.{channel.transport}")


class Drivers:
    """The drivers of one process: a loop of its host."""

    def __init__(
        self, rules: Callable[[], Rules], carriers: Carriers, folder_root: Path | None = None
    ) -> None:
        self._rules = rules
        self._folder_root = folder_root
        self._carriers = carriers
        self._running: dict[str, tuple[Channel, asyncio.Task[None]]] = {}

    async def run(self, host: "Host") -> None:
        """Follow the definitions until the host stops."""
        if host.definitions:
            await wait_any(host.definitions.loaded, host.stopping)
        async with Web() as web:
            try:
                while not host.stopping.is_set():
                    await self._follow(host, web)
                    await wait_any(host.stopping, timeout=_LOOK_SECONDS)
            finally:
                await self._end(list(self._running))

    async def _follow(self, host: "Host", web: Web) -> None:
        wanted = _driven(self._rules().channels)
        await self._end([name for name, (had, _) in self._running.items() if wanted.get(name) != had])
        for name in wanted.keys() - self._running.keys():
            keeping = self._keep(host, wanted[name], web)
            self._running[name] = (wanted[name], asyncio.create_task(keeping, name=f"driver.{name}"))

    async def _end(self, names: list[str]) -> None:
        tasks = [self._running.pop(name)[1] for name in names]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _keep(self, host: "Host", channel: Channel, web: Web) -> None:
        """Lead, drive, and after a failure come again later."""
        backoff = Backoff(first=0.5, longest=_LONGEST_PAUSE)
        clock = asyncio.get_running_loop()
        while not host.stopping.is_set():
            begun = clock.time()
            try:
                leases = _leases(host.bus, channel)
                inlet = inlet_of(channel, host.bus, host.clock, web, self._carriers, leases[0].told)
                inlet.root = self._folder_root
                await hold_one_of(leases, partial(self._drive, inlet), host.stopping)
            except Exception as error:
                _failed(channel, error)
                await tell_trouble(host.bus, channel, error, host.clock.now())
            if clock.time() - begun > _STEADY_SECONDS:
                backoff.reset()
            await wait_any(host.stopping, timeout=backoff.next())

    async def _drive(self, inlet: Inlet) -> None:
        name = inlet.channel.name
        LEADING.labels(name).set(1)
        inlet.state("connecting")
        try:
            await inlet.cursor.load()
            await driver_of(inlet.channel)(inlet)
        finally:
            self._carriers.go(name)
            LEADING.labels(name).set(0)


def _driven(channels: Mapping[str, Channel]) -> dict[str, Channel]:
    """Those that have a driver, and every secret it needs."""
    return {
        name: channel
        for name, channel in channels.items()
        if channel.transport in DRIVEN and not channel.missing
    }


def _leases(bus: Bus, channel: Channel) -> list[Leadership]:
    """One for the leader. A driver with `SEATS` of 2 has a second that works beside it in another replica:
    what both hear is one delivery, and what dies with one of them the other has.
    """
    holder = _holder()
    seats = LEASES[: getattr(_module(channel), "SEATS", 1)]
    leases = [Leadership(bus, INLETS_BUCKET, f"{seat}.{channel.name}", holder) for seat in seats]
    for lease in leases:
        lease.told = leases[0].told
    return leases


def _holder() -> str:
    return f"{os.getpid()}-{uuid.uuid4().hex}"


def _failed(channel: Channel, error: Exception) -> None:
    FAILURES.labels(channel.name).inc()
    if isinstance(error, Unreachable | Overtaken | OSError):
        log.warning(
            "driver.failed", channel=channel.name, why=f"{type(error).__name__}: {why_of(error)}"[:300]
        )
    else:
        log.error("driver.failed", channel=channel.name, why=type(error).__name__, exc_info=error)
