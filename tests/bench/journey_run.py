"""Sending forms and waiting for the letters that answer them: at full speed, and with room to spare.

`python -m tests.bench.journey_run` tells what the services cost, each as a process of its own.
"""

import argparse
import asyncio
import statistics
from dataclasses import dataclass

from tests.bench.journey_cost import Cost
from tests.bench.journey_stage import Stage, apart_stage
from tests.support.faults import private_engines
from tests.support.scratch import scratch_home

WARM_UP = 400
_PATIENCE = 240.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """As many as were there, at full speed."""

    deliveries: int
    cost: Cost

    @property
    def rate(self) -> float:
        """Deliveries a second."""
        return self.deliveries / self.cost.seconds


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from a delivery's acceptance to its letter's, at a rate that leaves room."""

    rate: float
    seconds: list[float]

    def at(self, percent: int) -> float:
        """A percentile in seconds."""
        return statistics.quantiles(self.seconds, n=100)[percent - 1]


async def full_speed(stage: Stage, count: int) -> Throughput:
    """From the first accepted delivery to the last letter."""
    before = stage.arrivals.count
    meter = stage.meter()
    await stage.send_all(count)
    await stage.answered(before + count, _PATIENCE)
    return Throughput(count, meter.read())


async def half_load(stage: Stage, count: int, rate: float) -> Latency:
    """Each by itself, at `rate` a second."""
    before = stage.arrivals.count
    first, accepted = await stage.send_paced(count, rate)
    await stage.answered(before + count, _PATIENCE)
    came = stage.arrivals.times()[first : first + count]
    return Latency(rate, [end - begin for begin, end in zip(accepted, came, strict=True)])


def told(name: str, through: Throughput, latency: Latency | None = None) -> str:
    """A few lines for people."""
    each = through.cost.cpu_ms_each(through.deliveries)
    parts = "  ".join(f"{name} {ms:.2f}" for name, ms in each.items())
    memory = "  ".join(f"{name} {size / 1e6:.0f}" for name, size in through.cost.memory.items())
    lines = [
        f"{name}: {through.rate:,.0f} deliveries/s",
        f"  CPU ms each: {sum(each.values()):.2f} = {parts}",
        f"  memory MB: {memory}",
    ]
    if latency:
        lines.append(
            f"  at {latency.rate:.0f}/s: p50 {latency.at(50) * 1000:.0f} ms,"
            f" p99 {latency.at(99) * 1000:.0f} ms"
        )
    return "\n".join(lines)


async def measure(count: int, paced: int) -> None:
    """Print the figures of the services apart."""
    with scratch_home() as folder:
        async with private_engines() as engines, apart_stage(engines, folder) as stage:
            await full_speed(stage, WARM_UP)
            through = await full_speed(stage, count)
            latency = await half_load(stage, paced, through.rate / 2) if paced else None
            print(told("journey, services apart", through, latency), flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=3000)
    options.add_argument("--paced", type=int, default=1000)
    chosen = options.parse_args()
    asyncio.run(measure(chosen.count, chosen.paced))
