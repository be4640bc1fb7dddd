"""The processes of one hub by what they are: memory and CPU time of each kind."""

from collections import defaultdict
from collections.abc import Callable, Iterable

import psutil

KINDS = ("hub", "nats-server", "postgres")


def kind_of(process: psutil.Process) -> str:
    """`nats-server`, `postgres`, or `hub` for our own code."""
    name = process.name()
    return name if name in KINDS else "hub"


def _summed(family: Iterable[psutil.Process], value: Callable[[psutil.Process], float]) -> dict[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    for process in family:
        try:
            found[kind_of(process)] += value(process)
        except psutil.NoSuchProcess:
            continue
    return {kind: found[kind] for kind in KINDS}


def memory(family: Iterable[psutil.Process]) -> dict[str, float]:
    """Proportional set size in bytes by kind: pages shared by several processes are counted once."""
    return _summed(family, lambda process: process.memory_full_info().pss)


def cpu(family: Iterable[psutil.Process]) -> dict[str, float]:
    """CPU seconds used so far by kind, user and system together."""
    return _summed(family, _cpu_seconds)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
