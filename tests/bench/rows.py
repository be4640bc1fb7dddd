"""Contenders made of functions, and the loop that keeps so many workers busy."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.contender import Measured


async def nothing() -> None:
    """For rows that leave nothing under way."""


@dataclass(frozen=True)
class Row:
    """A contender whose rounds are one function."""

    name: str
    counts: str
    work: Callable[[float], Awaitable[Measured]]
    against: Sequence[str] = ()
    families: Mapping[str, Sequence[int]] = field(default_factory=dict)
    settled: Callable[[], Awaitable[None]] = nothing

    def roots(self) -> Mapping[str, Sequence[int]]:
        return self.families

    async def round(self, seconds: float) -> Measured:
        return await self.work(seconds)

    async def settle(self) -> None:
        await self.settled()


async def repeated(
    once: Callable[[int], Awaitable[object]], workers: int, seconds: float, each: int = 1
) -> Measured:
    """Have so many workers do it again and again; `once` gets the worker's number and does `each` things."""
    latencies: list[float] = []
    instants: list[float] = []
    begun, cpu = time.monotonic(), time.process_time()

    async def work(number: int) -> None:
        while (asked := time.monotonic()) - begun < seconds:
            await once(number)
            now = time.monotonic()
            latencies.extend([now - asked] * each)
            instants.extend([now - begun] * each)

    await asyncio.gather(*(work(number) for number in range(workers)))
    burned = time.process_time() - cpu
    return Measured(len(latencies), time.monotonic() - begun, latencies, instants, load_cpu=burned)
