"""Leadership: one works, another follows when it is gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import pytest

from services.runtime import leadership
from services.runtime.bus import Bus
from services.runtime.leadership import Leadership, hold_one_of
from services.runtime.provision import buckets, provision
from services.runtime.slots import Overtaken, Slot
from services.runtime.streams import INLETS_BUCKET
from tests.support.accounts import NatsAccount
from tests.support.wait import until


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    bus = await Bus.connect(nats_account.url)
    await provision(bus, buckets())
    yield bus
    await bus.close()


async def test_a_slot_is_written_only_by_whoever_saw_its_latest_revision(bus: Bus) -> None:
    slot = Slot(bus, INLETS_BUCKET, "cursor.a")
    assert await slot.read() == (None, 0)
    first = await slot.write(b"1", 0)
    with pytest.raises(Overtaken):
        await slot.write(b"2", 0)
    await slot.write(b"2", first)
    assert (await slot.read())[0] == b"2"


async def test_only_one_leads_and_another_follows_at_once_when_it_lets_go(bus: Bus) -> None:
    led: list[str] = []

    async def forever(name: str) -> None:
        led.append(name)
        await asyncio.Event().wait()

    stops = {name: asyncio.Event() for name in "ab"}
    tasks = {
        name: asyncio.create_task(
            Leadership(bus, INLETS_BUCKET, "leader.x", name).hold(partial(forever, name), stops[name])
        )
        for name in "ab"
    }
    await until(lambda: len(led) == 1)
    first = led[0]
    stops[first].set()
    await until(lambda: len(led) == 2, within=4)
    assert led[0] != led[1]
    stops[led[1]].set()
    await asyncio.gather(*tasks.values())


async def test_a_leader_that_died_is_followed_within_ten_seconds(bus: Bus) -> None:
    await Slot(bus, INLETS_BUCKET, "leader.y").write(b'{"holder": "dead"}', 0)
    led, stop = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        led.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(Leadership(bus, INLETS_BUCKET, "leader.y", "alive").hold(work, stop))
    async with asyncio.timeout(10):
        await led.wait()
    stop.set()
    await task


async def test_a_leader_stops_when_another_has_taken_its_lease(bus: Bus) -> None:
    ended, stop = asyncio.Event(), asyncio.Event()
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(Leadership(bus, INLETS_BUCKET, "leader.z", "old").hold(work, stop))
    await began.wait()
    slot = Slot(bus, INLETS_BUCKET, "leader.z")
    _, revision = await slot.read()
    await slot.write(b'{"holder": "new"}', revision)
    async with asyncio.timeout(5):
        await ended.wait()
    await task
    assert (await slot.read())[0] == b'{"holder": "new"}'


async def test_a_cancellation_that_is_lost_in_a_renewal_still_frees_the_lease(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "_RENEW", 0.01)
    real, renewing, stop = Slot.write, asyncio.Event(), asyncio.Event()

    async def write(slot: Slot, value: bytes, after: int, timeout: float = 2.0) -> int:
        revision = await real(slot, value, after, timeout)
        if after and value:
            renewing.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        return revision

    async def work() -> None:
        await stop.wait()

    monkeypatch.setattr(Slot, "write", write)
    task = asyncio.create_task(Leadership(bus, INLETS_BUCKET, "leader.u", "a").hold(work, stop))
    async with asyncio.timeout(5):
        await renewing.wait()
        stop.set()
        await task
    assert (await Slot(bus, INLETS_BUCKET, "leader.u").read())[0] is None


async def test_what_goes_wrong_at_work_is_raised_and_the_lease_is_free(bus: Bus) -> None:
    async def work() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await Leadership(bus, INLETS_BUCKET, "leader.w", "a").hold(work, asyncio.Event())
    assert (await Slot(bus, INLETS_BUCKET, "leader.w").read())[0] is None


async def test_of_two_seats_each_replica_holds_one_and_a_third_waits(bus: Bus) -> None:
    seated: list[str] = []

    async def sit(name: str) -> None:
        seated.append(name)
        try:
            await asyncio.Event().wait()
        finally:
            seated.remove(name)

    async def replica(name: str, stop: asyncio.Event) -> None:
        leases = [Leadership(bus, INLETS_BUCKET, f"{seat}.v", name) for seat in ("leader", "beside")]
        await hold_one_of(leases, lambda: sit(name), stop)

    stops = {name: asyncio.Event() for name in "abc"}
    tasks = [asyncio.create_task(replica(name, stop)) for name, stop in stops.items()]
    await until(lambda: len(seated) == 2)
    holders = [(await Slot(bus, INLETS_BUCKET, f"{seat}.v").read())[0] for seat in ("leader", "beside")]
    assert len(set(holders)) == 2
    [waiting] = set("abc") - set(seated)
    stops[seated[0]].set()
    await until(lambda: waiting in seated)
    for stop in stops.values():
        stop.set()
    await asyncio.gather(*tasks)
    assert seated == []
