"""Kills whoever listens to an Asterisk, again and again while calls flow: every event is there, once."""

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from services.runtime.bus import Bus
from services.runtime.slots import Slot
from services.runtime.streams import INLETS_BUCKET
from tests.connectors.drivers.asterisk import SECRET, Asterisk, event
from tests.support.wait import until

CHANNEL = "calls"
SECRETS = {"AMI_SECRET": SECRET}
_STEPS = ("Newchannel", "QueueCallerJoin", "Hangup")
# Before and after each kill something must have flowed.
_FLOWING = 30


class Process(Protocol):
    """A replica, whatever it runs."""

    @property
    def pid(self) -> int: ...
    async def start(self) -> None: ...
    async def kill(self) -> None: ...


@dataclass
class Ledger:
    """What the peer wrote while a login was alive, and when; what nobody was there to hear."""

    owed: dict[bytes, float] = field(default_factory=dict)
    unheard: int = 0
    calls: int = 0


@dataclass(frozen=True)
class Verdict:
    """What became of it. `late` is the longest time from the peer's write to the bus, in seconds."""

    kills: int
    calls: int
    owed: int
    missing: int
    twice: int
    unheard: int
    late: float
    apart: float

    def __bool__(self) -> bool:
        return self.missing == 0 and self.twice == 0

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.calls} calls: {self.owed} events written while a login was alive,"
            f" {self.missing} missing, {self.twice} twice; {self.unheard} written to nobody;"
            f" longest way to the bus {self.late * 1000:.0f} ms, half within {self.apart * 1000:.1f} ms"
        )


async def calls(peer: Asterisk, ledger: Ledger, rate: float) -> None:
    """Write calls, one after the other, until cancelled."""
    while True:
        ledger.calls += 1
        for step in _STEPS:
            words = event(step, ledger.calls, Step=step)
            now = time.time()
            if await peer.say(words):
                ledger.owed[words.removesuffix(b"\r\n\r\n")] = now
            else:
                ledger.unheard += 1
            await asyncio.sleep(1 / rate)


async def kill_again_and_again(
    peer: Asterisk,
    bus: Bus,
    replicas: Sequence[Process],
    kills: int,
    *,
    seats: Sequence[str] = ("leader", "beside"),
    rate: float = 100.0,
    again: bool = True,
) -> Verdict:
    """The whole: every second time it is the one that listens beside the leader.

    Whoever is killed is started `again`; else others take the seats while there are any.
    """
    ledger = Ledger()
    for one in replicas:
        await one.start()
    await _listen(peer, len(seats), len(seats))
    flow = asyncio.create_task(calls(peer, ledger, rate))
    try:
        for number in range(kills):
            await _flows(ledger)
            victim = await _holding(bus, seats[number % len(seats)], replicas)
            await victim.kill()
            if again:
                await victim.start()
            seated = len(seats) if again else min(len(seats), len(replicas) - number - 1)
            logins = len(seats) + number + 1
            await _listen(peer, seated, logins if again else min(logins, len(replicas)))
        await _flows(ledger)
    finally:
        flow.cancel()
    return await _judge(bus, ledger, kills)


async def _flows(ledger: Ledger) -> None:
    """Some more events are written."""
    before = len(ledger.owed)
    await until(lambda: len(ledger.owed) > before + _FLOWING, within=30)


async def _listen(peer: Asterisk, count: int, logins: int) -> None:
    """So many are logged in, after so many logins in all: a dead one may look alive for a moment."""

    def listening() -> bool:
        return len(peer.alive) == count and sum(one.open.is_set() for one in peer.sessions) >= logins

    await until(listening, within=60, why=f"{count} listeners after {logins} logins")


async def _holding(bus: Bus, seat: str, replicas: Sequence[Process]) -> Process:
    """Whoever holds a seat; a killed one may still stand there for a while."""

    async def living() -> Process | None:
        value, _ = await Slot(bus, INLETS_BUCKET, f"{seat}.{CHANNEL}").read()
        pid = int(json.loads(value)["holder"].partition("-")[0]) if value else 0
        return next((one for one in replicas if one.pid == pid), None)

    found = await until(living, within=60, why=f"the {seat}")
    assert found is not None
    return found


async def _judge(bus: Bus, ledger: Ledger, kills: int) -> Verdict:
    async def settled() -> bool:
        return (await bus.js.stream_info("INTAKE")).state.messages >= len(ledger.owed)

    with suppress(AssertionError):  # what is missing is told
        await until(settled, within=10, every=0.5)
    there = await stored(bus)
    times = Counter(body for body, _ in there)
    first = dict(reversed(there))
    ways = sorted(first[body] - at for body, at in ledger.owed.items() if body in first)
    return Verdict(
        kills,
        ledger.calls,
        len(ledger.owed),
        len(ledger.owed.keys() - times.keys()),
        sum(1 for count in times.values() if count > 1),
        ledger.unheard,
        ways[-1] if ways else 0.0,
        ways[len(ways) // 2] if ways else 0.0,
    )


async def stored(bus: Bus, stream: str = "INTAKE", subject: str = "intake.>") -> list[tuple[bytes, float]]:
    """Everything on the bus, and when it was stored."""
    left = (await bus.js.stream_info(stream)).state.messages
    reading = await bus.js.subscribe(subject, stream=stream, ordered_consumer=True)
    found: list[tuple[bytes, float]] = []
    while len(found) < left:
        one = await reading.next_msg(timeout=10)
        found.append((one.data, one.metadata.timestamp.timestamp()))
    await reading.unsubscribe()
    return found


def main(arguments: Sequence[str]) -> int:
    """The command."""
    from tests.chaos.drivers.stage import with_services  # engines are loaded only where they are wanted

    known = argparse.ArgumentParser(prog="python -m tests.chaos.drivers ami", description=__doc__)
    known.add_argument("--kills", type=int, default=20, help="SIGKILLs in all")
    known.add_argument("--rate", type=float, default=100.0, help="events a second")
    known.add_argument("--alone", action="store_true", help="one leader, nobody beside it: what is lost then")
    given = known.parse_args(arguments)
    verdict, more = asyncio.run(with_services(given.kills, given.rate, given.alone))
    print(verdict)
    print(more)
    return 0 if verdict else 1
