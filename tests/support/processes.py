"""Services as processes of their own, which a test may kill; and processes that may end by themselves."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress

import psutil


@asynccontextmanager
async def service_process(
    service: str, environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m services.<service>` with more in its environment; killed at the end if nobody did before."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"services.{service}",
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each that still is; a process that was listed may have ended since."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def named(processes: Iterable[psutil.Process], name: str) -> list[psutil.Process]:
    """Those of them that still are and run this program."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            found += [process] if process.name() == name else []
    return found


def proportional_memory(processes: Iterable[psutil.Process]) -> int:
    """PSS in bytes of all that still are: every page counted once, however many processes share it."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += int(process.memory_full_info().pss)
    return total
