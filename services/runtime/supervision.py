"""Keeps the loops of a service running: one that fails is logged, counted and started again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from prometheus_client import Counter, Gauge

from services.runtime.patience import Backoff, wait_any

log = structlog.get_logger()
FAILURES = Counter(
    "leadwire_loop_failures_total", "Times a loop had to be started again.", ["service", "loop"]
)
RUNNING = Gauge("leadwire_loop_running", "1 while a loop runs.", ["service", "loop"])
Loop = Callable[[asyncio.Event], Awaitable[None]]
_LONGEST_PAUSE = 10.0
_STEADY_SECONDS = 60.0
# Longer than any transaction may take.
_GRACE_SECONDS = 40.0


class Supervisor:
    """Runs loops, each in a task of its own, until told to stop."""

    def __init__(self, service: str, stopping: asyncio.Event) -> None:
        self._service = service
        self._stopping = stopping
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._told: dict[str, str] = {}
        self.failing: dict[str, str] = {}

    def start(self, loops: Mapping[str, Loop]) -> None:
        """Start the loops; they must end by themselves soon after `stopping` is set."""
        for name, loop in loops.items():
            self._tasks[name] = asyncio.create_task(self._keep(name, loop), name=f"{self._service}.{name}")

    async def _keep(self, name: str, loop: Loop) -> None:
        backoff = Backoff(longest=_LONGEST_PAUSE)
        clock = asyncio.get_running_loop()
        while not self._stopping.is_set():
            begun = clock.time()
            RUNNING.labels(self._service, name).set(1)
            self.failing.pop(name, None)
            try:
                await loop(self._stopping)
                if not self._stopping.is_set():
                    raise RuntimeError("ended without being told to")
            except Exception as error:
                self._failed(name, error)
                if clock.time() - begun > _STEADY_SECONDS:
                    backoff.reset()
                await wait_any(self._stopping, timeout=backoff.next())
            finally:
                RUNNING.labels(self._service, name).set(0)

    def _failed(self, name: str, error: Exception) -> None:
        known = self._told.get(name)
        told = f"{type(error).__name__}: {error}"[:300]
        self._told[name] = self.failing[name] = told
        FAILURES.labels(self._service, name).inc()
        # The traceback once; a loop that fails on and on says so in one line.
        log.error(
            "loop.failed",
            service=self._service,
            loop=name,
            error=told,
            exc_info=error if told != known else None,
        )

    async def finished(self) -> None:
        """Wait for the loops to end; whatever has not after 40 s is cut off, and logged."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks.values(), timeout=_GRACE_SECONDS)
        for task in late:
            log.error("loop.cut_off", service=self._service, loop=task.get_name())
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=5)
        self._tasks.clear()
