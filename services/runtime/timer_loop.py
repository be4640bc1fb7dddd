"""Fires due timers: claimed with SKIP LOCKED, handled and taken off the table in one transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Histogram

from services.runtime import timers
from services.runtime.cause import Cause
from services.runtime.clock import Clock
from services.runtime.database import Database, is_transient
from services.runtime.errors import Ignored, Retryable
from services.runtime.patience import Backoff, wait_any
from services.runtime.timers import Timer
from services.runtime.work import Work

if TYPE_CHECKING:
    from services.runtime.database import Connection

log = structlog.get_logger()
FIRED = Counter("leadwire_timers_fired_total", "Timers fired.", ["service", "kind", "outcome"])
LATENESS = Histogram(
    "leadwire_timer_lateness_seconds",
    "How long after its time a timer fired.",
    ["service"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 600, 3600),
)
Handler = Callable[[Timer, Work], Awaitable[None]]
_POLL_SECONDS = 1.0
# What is due and was not fired is another replica's just now.
_LOOK_AGAIN_SECONDS = 0.001
_RETRY_AFTER = timedelta(seconds=30)
_AT_ONCE = 100


class TimerLoop:
    """Fires the timers of one service; several replicas share the table without meeting."""

    def __init__(
        self,
        database: Database,
        group: str,
        handlers: Mapping[str, Handler],
        clock: Clock,
        wake: asyncio.Event,
        wake_relay: Callable[[], None],
    ) -> None:
        self.database = database
        self.group = group
        self.handlers = handlers
        self.clock = clock
        self.wake = wake
        self.wake_relay = wake_relay

    async def run(self, stopping: asyncio.Event) -> None:
        """Fire timers until told to stop; every failure is logged and waited out."""
        backoff = Backoff()
        while not stopping.is_set():
            self.wake.clear()
            try:
                pause = await self._round()
                backoff.reset()
            except Exception as error:
                log.warning("timers.failed", service=self.group, error=type(error).__name__)
                await wait_any(stopping, timeout=backoff.next())
                continue
            if pause > 0:
                await wait_any(stopping, self.wake, timeout=pause)

    async def _round(self) -> float:
        """Fire what is due; seconds until the next look."""
        # Most looks find nothing: they are one question and no transaction.
        async with self.database.pool.acquire() as connection:
            due = await timers.next_due(connection, list(self.handlers))
        left = (due - self.clock.now()).total_seconds() if due else _POLL_SECONDS
        if left > 0:
            return min(_POLL_SECONDS, left)
        return 0 if await self.fire_due() == _AT_ONCE else _LOOK_AGAIN_SECONDS

    async def fire_due(self) -> int:
        """Fire what is due now; how many there were."""
        now = self.clock.now()
        async with self.database.pool.acquire() as connection, connection.transaction():
            due = await timers.claim_due(connection, list(self.handlers), now, _AT_ONCE)
            for timer in due:
                await self._fire(connection, timer)
        if due:
            self.wake_relay()
        return len(due)

    async def _fire(self, connection: "Connection", timer: Timer) -> None:
        """A timer that fails stays armed and visible; a lost connection loses only the attempt."""
        work = Work(connection, group=self.group, now=self.clock.now(), cause=_firing(timer))
        try:
            async with connection.transaction():
                # Taken off first: the handler may arm the same timer anew.
                await timers.write(connection, {(timer.kind, timer.key): None})
                await self.handlers[timer.kind](timer, work)
                await work.flush()
        except Ignored as nothing:
            # Nothing of what the handler did stands, but the timer is done with.
            await timers.write(connection, {(timer.kind, timer.key): None})
            log.info("timer.ignored", service=self.group, kind=timer.kind, key=timer.key, why=str(nothing))
            FIRED.labels(self.group, timer.kind, "ignored").inc()
            return
        except Retryable as later:
            FIRED.labels(self.group, timer.kind, "put_off").inc()
            await timers.postpone(connection, timer, self.clock.now() + (later.after or _RETRY_AFTER))
            return
        except Exception as error:
            if is_transient(error):
                raise
            FIRED.labels(self.group, timer.kind, "failed").inc()
            log.exception("timer.failed", service=self.group, kind=timer.kind, key=timer.key)
            await timers.postpone(connection, timer, self.clock.now() + _RETRY_AFTER)
            return
        LATENESS.labels(self.group).observe((self.clock.now() - timer.due_at).total_seconds())
        FIRED.labels(self.group, timer.kind, "done").inc()


def _firing(timer: Timer) -> Cause:
    """Each firing is an event of its own, the same one when it is tried again."""
    origin = timer.cause
    event = origin.derived_id("timer", timer.kind, timer.key, timer.generation, timer.due_at)
    return Cause(str(event), origin.correlation, origin.traceparent)
