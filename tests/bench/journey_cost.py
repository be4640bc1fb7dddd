"""What a stretch of time cost: CPU by process, and memory."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

Groups = Mapping[str, list[psutil.Process]]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock, seconds of CPU and bytes (PSS) by group of processes."""

    seconds: float
    cpu: Mapping[str, float]
    memory: Mapping[str, int]

    def cpu_ms_each(self, deliveries: int) -> dict[str, float]:
        """Milliseconds of CPU per delivery by group."""
        return {name: seconds * 1000 / deliveries for name, seconds in self.cpu.items()}


class Meter:
    """Counts from its making to `read`. A group is a process and all its children, dead ones included."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = {name: psutil.Process(pid) for name, pid in roots.items()}
        self._before = self._cpu()
        self._begun = time.perf_counter()

    def _cpu(self) -> dict[str, float]:
        return {name: sum(map(_cpu_of, _family(root))) for name, root in self._roots.items()}

    def read(self) -> Cost:
        """What it cost so far."""
        took = time.perf_counter() - self._begun
        cpu = {name: now - self._before[name] for name, now in self._cpu().items()}
        memory = {name: sum(map(_memory_of, _family(root))) for name, root in self._roots.items()}
        return Cost(took, cpu, memory)


def _family(root: psutil.Process) -> list[psutil.Process]:
    return [root, *root.children(recursive=True)]


def _cpu_of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _memory_of(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
