"""CPU of a hub that has nothing to do, its engines included."""

import asyncio
import time
from dataclasses import dataclass

from tests.e2e.hub import Hub, a_hub
from tests.steady import family
from tests.steady.load import Forms
from tests.steady.progress import caught_up

MOST_PERCENT = 3.0
_FORMS = 300
_REST_SECONDS = 20.0


@dataclass(frozen=True)
class Idle:
    """Share of one core, in percent, by kind of process."""

    seconds: float
    percent: dict[str, float]

    @property
    def total(self) -> float:
        """All together."""
        return sum(self.percent.values())


async def measure(hub: Hub, seconds: float) -> Idle:
    """What the processes use in the next seconds."""
    before, begun = family.cpu(hub.family()), time.monotonic()
    await asyncio.sleep(seconds)
    after, took = family.cpu(hub.family()), time.monotonic() - begun
    return Idle(took, {kind: 100 * (after[kind] - before[kind]) / took for kind in family.KINDS})


async def run(seconds: float, rest: float = _REST_SECONDS) -> bool:
    """A hub that has worked and come to rest; whether it keeps within the limit."""
    with a_hub() as hub:
        await hub.start()
        forms = Forms(hub.http_port)
        await forms.burst(_FORMS, at_once=16)
        forms.close()
        await caught_up(hub, len(forms.accepted), 120, tell=False)
        await asyncio.sleep(rest)
        found = await measure(hub, seconds)
    for kind, percent in found.percent.items():
        print(f"  {kind:12} {percent:5.2f} % of one core")
    print(f"  {'together':12} {found.total:5.2f} % over {found.seconds:.0f} s; at most {MOST_PERCENT:g} %")
    return found.total <= MOST_PERCENT
