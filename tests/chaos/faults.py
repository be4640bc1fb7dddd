"""Breaks things at their times; two faults never meet on the same target, and nothing stays broken."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.chaos.disks import Disk
from tests.chaos.plan import Fault
from tests.chaos.targets import Target
from tests.support.proxy import Proxy


@dataclass
class Breaker:
    """`done` counts what was broken, by (kind, target)."""

    targets: Mapping[str, Target]
    roads: Mapping[str, Proxy]
    disks: Mapping[str, Disk]
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def live(self, faults: list[Fault]) -> None:
        """Let every fault happen; all is whole again at the end."""
        begun = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                group.create_task(self._at(begun + fault.at, fault))

    def kills(self, name: str) -> int:
        """How often a target was killed."""
        return self.done["kill", name]

    async def _at(self, at: float, fault: Fault) -> None:
        await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
        async with self._locks.setdefault(f"{fault.target} {fault.kind == 'fill'}", asyncio.Lock()):
            if fault.kind == "fill":
                await self._fill(fault)
            elif fault.kind in ("kill", "pause"):
                await self._on_process(fault, self.targets[fault.target])
            else:
                await self._on_road(fault, self.roads[fault.target])

    async def _on_process(self, fault: Fault, target: Target) -> None:
        if fault.kind == "kill":
            await target.kill()
            await asyncio.sleep(fault.seconds)
            await target.start()
        else:
            await target.pause()
            await asyncio.sleep(fault.seconds)
            await target.resume()
        self.done[fault.kind, fault.target] += 1

    async def _on_road(self, fault: Fault, road: Proxy) -> None:
        match fault.kind:
            case "cut":
                road.cut()
            case "cut-mid":
                way = "up" if fault.seconds < 1 else "down"
                road.cut_after(int(20_000 * fault.amount), way)  # type: ignore[arg-type]
            case "delay":
                road.delay(0.05 * fault.amount)
                await asyncio.sleep(fault.seconds)
                road.delay(0.0)
            case "freeze":
                road.freeze()
                await asyncio.sleep(fault.seconds)
                road.thaw()
        self.done[fault.kind, fault.target] += 1

    async def _fill(self, fault: Fault) -> None:
        disk = self.disks.get(fault.target)
        if disk is None:
            return
        await _patiently(disk.fill)
        await asyncio.sleep(fault.seconds)
        await _patiently(disk.free)
        target = self.targets.get(fault.target)
        if target is not None:
            await self._after_full(fault, target)
        self.done[fault.kind, fault.target] += 1

    async def _after_full(self, fault: Fault, target: Target) -> None:
        """An engine that a full disk has stopped is started again, as its operator would."""
        async with self._locks.setdefault(f"{fault.target} False", asyncio.Lock()):
            await target.kill()
            await target.start()


async def _patiently(what: Callable[[], Awaitable[None]]) -> None:
    """A limit on a stream is set over a bus that may be down just now."""
    for _ in range(50):
        try:
            await what()
        except Exception:
            await asyncio.sleep(0.2)
        else:
            break
