"""Taking forms over HTTP: the services as deployed against the least that does it safely.

The readers rest, as where another replica reads: what is behind the inlet is measured as the journey.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias

import nats

from tests.bench.contender import Contender, Measured, Stage
from tests.bench.floors import PUBLISH, publishing
from tests.bench.load import forms
from tests.bench.minimum_intake import STREAM
from tests.bench.resting import resting
from tests.bench.rows import Row
from tests.e2e.apart import Apart, apart
from tests.e2e.hub import Hub, a_hub

EMPTY, MINIMUM, TWO = "empty FastAPI handler", "minimum", "minimum, two processes"
TOGETHER = "minimum, stored in lots"
OWN, HUB = "own processes", "all-in-one hub"
_FORM = "/in/main-site"
_MINIMA = (MINIMUM, TWO, TOGETHER)
_AGAINST = (MINIMUM, TWO, TOGETHER, PUBLISH)
Families: TypeAlias = Mapping[str, Sequence[int]]


class Intake:
    """The part."""

    name = "intake"
    title = "Intake"

    @asynccontextmanager
    async def contenders(self, stage: Stage) -> AsyncIterator[Sequence[Contender]]:
        async with AsyncExitStack() as stack:
            rows = [await stack.enter_async_context(publishing(stage))]
            rows += await stack.enter_async_context(minimum(stage))
            rows += [await stack.enter_async_context(_own(stage))]
            rows += [await stack.enter_async_context(_hub(stage))]
            yield rows

    def verdicts(self, rates: Mapping[str, float]) -> Sequence[str]:
        lower, best = min(rates[PUBLISH], rates[EMPTY]), max(rates[each] for each in _MINIMA)
        return [
            verdict("the better minimum / the lower of raw publish and empty handler", best / lower, 0.8),
            verdict("intake in own processes / the better minimum", rates[OWN] / best, 1.0),
            verdict("intake of the all-in-one hub / the better minimum", rates[HUB] / best, 1.0),
        ]


def verdict(what: str, found: float, wanted: float) -> str:
    """Whether a ratio is what it must be."""
    return f"{'met' if found >= wanted else 'MISSED'}: {what} is {found:.2f}, wanted at least {wanted:.2f}"


@asynccontextmanager
async def minimum(stage: Stage) -> AsyncIterator[Sequence[Contender]]:
    """The rows of the hand-written process: the empty handler, the minimum, two of it, and one in lots.

    One process computes while the bus syncs, and waits while the bus computes; two overlap. Lots need
    fewer syncs.
    """
    url = stage.engines.account(1).url
    client = await nats.connect(url)
    await client.jetstream().add_stream(name=STREAM, subjects=["minimum.>"], allow_atomic=True)
    await client.close()
    async with AsyncExitStack() as stack:
        alone, port = await stack.enter_async_context(_serving(url))
        pair, shared = await stack.enter_async_context(_serving(url))
        other, _ = await stack.enter_async_context(_serving(url, shared))
        bus = [stage.engines.nats.pid]
        single: Families = {"services": [alone], "nats": bus}
        double: Families = {"services": [pair, other], "nats": bus}
        yield [
            _row(EMPTY, f"http://127.0.0.1:{port}/empty", stage, {"services": [alone]}),
            _row(MINIMUM, f"http://127.0.0.1:{port}/in/form", stage, single, (PUBLISH, EMPTY)),
            _row(TOGETHER, f"http://127.0.0.1:{port}/in/lots", stage, single, (PUBLISH, EMPTY)),
            _row(TWO, f"http://127.0.0.1:{shared}/in/form", stage, double, (PUBLISH, EMPTY)),
        ]


@asynccontextmanager
async def _serving(url: str, port: int = 0) -> AsyncIterator[tuple[int, int]]:
    """One process of the minimum: its id and its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.minimum_intake",
        str(port),
        env={**os.environ, "NATS_URL": url},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout
        yield process.pid, int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


def _row(
    name: str,
    url: str,
    stage: Stage,
    families: Families,
    against: Sequence[str] = (),
) -> Contender:
    async def work(seconds: float) -> Measured:
        return await forms(url, stage.concurrency, seconds)

    return Row(name, "forms", work, against, families)


@asynccontextmanager
async def _own(stage: Stage) -> AsyncIterator[Contender]:
    async with apart(stage.engines, stage.folder) as here, resting(here.dsn):
        yield own_row(OWN, stage, here)


def own_row(name: str, stage: Stage, here: Apart) -> Contender:
    """The inlet of a deployment."""
    return _row(name, here.url("connectors") + _FORM, stage, families_of(stage, here), _AGAINST)


def families_of(stage: Stage, here: Apart) -> Families:
    """The processes of a deployment."""
    postgres = stage.engines.postgres.child
    return {
        "services": [process.pid for process in here.processes.values()],
        "nats": [stage.engines.nats.pid],
        "postgres": [postgres.pid] if postgres else [],
    }


@asynccontextmanager
async def _hub(stage: Stage) -> AsyncIterator[Contender]:
    """`leadwire up`, on engines of its own."""
    with a_hub() as hub:
        await hub.start()
        async with resting(f"postgresql://postgres@/leadwire?host={hub.home}/run&port=5432"):
            yield _row(HUB, hub.url + _FORM, stage, families_of_hub(hub), _AGAINST)


def families_of_hub(hub: Hub) -> Families:
    """The hub's process and its engines."""
    assert hub.process
    return {
        "nats": [one.pid for one in hub.family() if one.name() == "nats-server"],
        "postgres": [one.pid for one in hub.postgres()],
        "services": [hub.process.pid],
    }


PART = Intake()
