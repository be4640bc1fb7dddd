"""What families of processes use: CPU seconds, and memory as PSS, where shared pages count once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Use:
    """By family: CPU seconds since the processes began, and bytes of memory now."""

    cpu: Mapping[str, float]
    memory: Mapping[str, int]


def use(roots: Mapping[str, Sequence[int]]) -> Use:
    """What each family used so far. Families named first take a process that is below two of them."""
    taken: set[int] = set()
    cpu: dict[str, float] = {}
    memory: dict[str, int] = {}
    for name, pids in roots.items():
        found = {member.pid: member for member in _members(pids)}
        members = [member for pid, member in found.items() if pid not in taken]
        taken |= {member.pid for member in members}
        cpu[name] = sum(_cpu(member) for member in members)
        memory[name] = sum(_memory(member) for member in members)
    return Use(cpu, memory)


def machine() -> float:
    """CPU seconds that everything on this machine used so far, the kernel included."""
    times = psutil.cpu_times()
    return float(sum(times[:]) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def _members(pids: Sequence[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            yield root
            yield from root.children(recursive=True)


def _cpu(member: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = member.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def _memory(member: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return int(member.memory_full_info().pss)
    return 0
