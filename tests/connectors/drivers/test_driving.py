"""Drivers follow the definitions, hold a lease, and come again after a failure."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.connectors.catalog.kinds import catalogue
from services.connectors.definitions.channel import Channel, Rules
from services.connectors.domain import Settings
from services.connectors.drivers import driving
from services.connectors.drivers.driving import Drivers
from services.connectors.drivers.inlet import Arrived, Inlet, Unreachable, inlet_of
from services.connectors.sending.carrier import Carriers
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from services.runtime.slots import Overtaken
from tests.support.wait import until


def channel(title: str = "") -> Channel:
    kind = catalogue()["telegram"]
    polled = replace(kind, manifest=kind.manifest.model_copy(update={"transport": "poll"}))
    return Channel("bot", polled, Settings(), {}, title)


class Running:
    """Drivers in a task, with a driver of the test's own."""

    def __init__(
        self, bus: Bus, drive: Callable[[Inlet], Awaitable[None]], patch: pytest.MonkeyPatch
    ) -> None:
        patch.setattr(driving, "driver_of", lambda channel: drive)
        self.rules = Rules.of([channel()])
        self.stopping = asyncio.Event()
        host = SimpleNamespace(bus=bus, clock=SystemClock(), stopping=self.stopping, definitions=None)
        drivers = Drivers(lambda: self.rules, Carriers())
        self.task = asyncio.create_task(drivers.run(cast(Any, host)))

    async def stop(self) -> None:
        self.stopping.set()
        await self.task


async def test_a_channel_that_is_redefined_gets_a_new_driver_and_one_that_is_gone_none(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven: list[str] = []

    async def drive(inlet: Inlet) -> None:
        driven.append(inlet.channel.title)
        try:
            await asyncio.Event().wait()
        finally:
            driven.append(f"{inlet.channel.title} ended")

    running = Running(bus, drive, monkeypatch)
    await until(lambda: driven == [""])
    running.rules = Rules.of([channel("new")])
    await until(lambda: driven == ["", " ended", "new"], within=10)
    running.rules = Rules()
    await until(lambda: driven[-1] == "new ended")
    await running.stop()


async def test_a_driver_that_fails_starts_again_where_its_cursor_stands(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[dict[str, Any]] = []

    async def drive(inlet: Inlet) -> None:
        begun.append(dict(inlet.cursor.value))
        await inlet.store(Arrived(b"%d" % len(begun)))
        await inlet.cursor.move({"at": len(begun)})
        raise Unreachable("the vendor is away")

    running = Running(bus, drive, monkeypatch)
    await until(lambda: len(begun) >= 3, within=15)
    await running.stop()
    assert begun[:3] == [{}, {"at": 1}, {"at": 2}]
    assert (await bus.js.stream_info("INTAKE")).state.messages == len(begun)


async def test_a_driver_that_was_overtaken_cannot_move_the_cursor(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken = asyncio.Event()

    async def drive(inlet: Inlet) -> None:
        other = inlet_of(inlet.channel, inlet.bus, inlet.clock, inlet.web, inlet.carriers, {})
        await other.cursor.load()
        await other.cursor.move({"at": 2})
        try:
            await inlet.cursor.move({"at": 1})
        except Overtaken:
            overtaken.set()
            raise

    running = Running(bus, drive, monkeypatch)
    async with asyncio.timeout(10):
        await overtaken.wait()
    await running.stop()
