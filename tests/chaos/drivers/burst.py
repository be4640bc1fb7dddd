"""A burst of events over one socket, heard by one and by two replicas, beside the floor of raw publishing."""

import argparse
import asyncio
import time
from collections.abc import Sequence

from services.connectors.domain import delivery_id
from services.hub.topology import specs
from services.runtime.bus import Bus
from services.runtime.provision import provision
from tests.chaos.drivers.ami import CHANNEL, SECRETS, stored
from tests.chaos.drivers.replica import Replica
from tests.connectors.drivers.asterisk import Asterisk, asterisk, channel, event
from tests.support.faults import private_engines
from tests.support.wait import until

# As wide as a call's own events are: a good half of a kilobyte.
_WIDE = {"ConnectedLineName": "x" * 260}


async def raw(bus: Bus, events: Sequence[bytes]) -> float:
    """Events a second by single publishes, as many under way at once as pays."""
    began = time.perf_counter()
    slots = asyncio.Semaphore(64)

    async def publish(body: bytes) -> None:
        async with slots:
            headers = {"Nats-Msg-Id": delivery_id("floor", body)}
            await bus.js.publish("intake.floor", body, headers=headers)

    await asyncio.gather(*map(publish, events))
    return len(events) / (time.perf_counter() - began)


async def heard(bus: Bus, peer: Asterisk, events: Sequence[bytes], listeners: int) -> float:
    """Events a second from the first byte written to the last event on the bus."""
    channels = {CHANNEL: channel(peer.port)}
    replicas = [Replica(bus.url, channels, SECRETS) for _ in range(listeners)]
    try:
        for one in replicas:
            await one.start()
        await until(lambda: len(peer.alive) == listeners, within=60)
        before = (await bus.js.stream_info("INTAKE")).state.messages
        began = time.perf_counter()
        await peer.say(b"".join(events))

        async def all_there() -> bool:
            return (await bus.js.stream_info("INTAKE")).state.messages >= before + len(events)

        await until(all_there, within=120)
        return len(events) / (time.perf_counter() - began)
    finally:
        for one in replicas:
            await one.kill()


async def measure(count: int) -> None:
    """Each way once, one after the other, on a bus of its own that syncs every message."""
    async with private_engines() as engines:
        bus = await Bus.connect(engines.account().url)
        await provision(bus, specs())
        floor = await raw(bus, [event("Newchannel", number, **_WIDE) for number in range(count)])
        print(f"raw publish, 64 under way: {floor:,.0f} events/s")
        for listeners in (1, 2):
            async with asterisk() as peer:
                burst = [event("Newchannel", n, By=str(listeners), **_WIDE) for n in range(count)]
                rate = await heard(bus, peer, burst, listeners)
            print(f"AMI, {listeners} listening: {rate:,.0f} events/s, {rate / floor:.2f} of the floor")
        there = [body for body, _ in await stored(bus)]
        print(f"{len(there)} on the bus, {len(set(there))} of them different, {3 * count} expected")
        await bus.close()


def main(arguments: Sequence[str]) -> int:
    """The command."""
    known = argparse.ArgumentParser(prog="python -m tests.chaos.drivers burst", description=__doc__)
    known.add_argument("--events", type=int, default=20_000, help="how many at once")
    asyncio.run(measure(known.parse_args(arguments).events))
    return 0
