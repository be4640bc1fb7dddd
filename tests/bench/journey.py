"""The way of a form from its delivery to the letter that answers it, against the least that could do it."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from services.runtime.bus import Bus
from tests.bench.contender import Contender, Measured
from tests.bench.contender import Stage as Ground
from tests.bench.journey_forms import STREAM, publish_all
from tests.bench.journey_run import WARM_UP, full_speed, half_load
from tests.bench.journey_sink import sink
from tests.bench.journey_stage import CONNECTIONS, MOST_LETTERS, Stage, apart_stage, hub_stage
from tests.bench.rows import Row
from tests.support import databases

MINIMUM, OWN, HUB = "minimum: one script, no guarantees", "own processes", "all-in-one hub"
HALF = "own processes, at half of that"
_LEAST = 0.25
_SHORTEST = 200


class Journey:
    """The part."""

    name = "journey"
    title = "Journey: delivery, contact, lead, deal, task, enrolment, letter"

    @asynccontextmanager
    async def contenders(self, stage: Ground) -> AsyncIterator[Sequence[Contender]]:
        async with AsyncExitStack() as stack:
            script = await stack.enter_async_context(_minimum(stage))
            own = await stack.enter_async_context(apart_stage(stage.engines, stage.folder))
            hub = await stack.enter_async_context(hub_stage(stage.folder))
            at_full = _Speed(own)
            yield [
                script,
                _row(OWN, own, at_full.full, (MINIMUM,)),
                _row(HALF, own, at_full.half, ()),
                _row(HUB, hub, _Speed(hub).full, (MINIMUM,)),
            ]

    def verdicts(self, rates: Mapping[str, float]) -> Sequence[str]:
        found = rates[OWN] / rates[MINIMUM]
        word = "met" if found >= _LEAST else "MISSED"
        return [f"{word}: own processes / the minimum is {found:.2f}, wanted at least {_LEAST:.2f}"]


class _Speed:
    """Rounds as long as asked for: how many forms that takes is learnt from the round before."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._rate: float | None = None

    async def full(self, seconds: float) -> Measured:
        """As many as it can."""
        if self._rate is None:
            self._rate = (await full_speed(self._stage, WARM_UP)).rate
        count = max(_SHORTEST, int(self._rate * seconds))
        found = await full_speed(self._stage, count)
        self._rate = found.rate
        return Measured(count, found.cost.seconds)

    async def half(self, seconds: float) -> Measured:
        """Half as many a second, each with its time."""
        rate = (self._rate or (await full_speed(self._stage, WARM_UP)).rate) / 2
        count = max(_SHORTEST, int(rate * seconds))
        begun = time.monotonic()
        found = await half_load(self._stage, count, rate)
        return Measured(count, time.monotonic() - begun, found.seconds)


def _row(
    name: str, stage: Stage, work: Callable[[float], Awaitable[Measured]], against: Sequence[str]
) -> Contender:
    engines = {"nats", "postgres", "sink"}
    families = {
        "nats": [stage.roots["nats"]],
        "postgres": [stage.roots["postgres"]],
        "sink": [stage.roots["sink"]],
        "services": [pid for program, pid in stage.roots.items() if program not in engines],
    }
    return Row(name, "mails", work, against, families, stage.quiet)


@asynccontextmanager
async def _minimum(ground: Ground) -> AsyncIterator[Contender]:
    """The script in a process of its own, on tables and a stream of its own."""
    url = ground.engines.account(2).url
    bus = await Bus.connect(url)
    await bus.js.add_stream(name=STREAM, subjects=["intake.>"])
    async with databases.fresh(ground.engines) as dsn:
        with sink(ground.folder, MOST_LETTERS) as (port, sink_pid, _arrivals):
            command = ("-m", "tests.bench.journey_minimum", url, dsn, str(port), str(CONNECTIONS))
            script = await asyncio.create_subprocess_exec(
                sys.executable, *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
            assert script.stdout
            await script.stdout.readline()
            families = {"services": [script.pid], "sink": [sink_pid]} | _engines(ground)
            try:
                yield Row(MINIMUM, "mails", _Script(bus, script).full, (), families)
            finally:
                script.kill()
                await script.wait()
                await bus.close()


def _engines(ground: Ground) -> dict[str, list[int]]:
    postgres = ground.engines.postgres.child
    return {"nats": [ground.engines.nats.pid], "postgres": [postgres.pid] if postgres else []}


class _Script:
    """The hand-written journey, seen from outside."""

    def __init__(self, bus: Bus, process: asyncio.subprocess.Process) -> None:
        self._bus = bus
        self._process = process
        self._done = 0
        self._rate: float | None = None

    async def full(self, seconds: float) -> Measured:
        """As many as it can."""
        if self._rate is None:
            await self._deal_with(WARM_UP)
        count = max(_SHORTEST, int((self._rate or 0) * seconds))
        return Measured(count, await self._deal_with(count))

    async def _deal_with(self, count: int) -> float:
        assert self._process.stdin
        assert self._process.stdout
        begun = time.monotonic()
        self._process.stdin.write(f"{count} {self._done + 1}\n".encode())
        await publish_all(self._bus, range(self._done, self._done + count))
        await self._process.stdout.readline()
        self._done += count
        took = time.monotonic() - begun
        self._rate = count / took
        return took


PART = Journey()
