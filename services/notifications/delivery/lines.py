"""A few kept connections, opened when there is work and closed when there is none."""

import asyncio
import time
from collections.abc import Callable

import structlog
from prometheus_client import Counter, Gauge

from services.notifications.delivery.line import CannotConnect, Line, Server
from services.runtime.patience import Backoff

log = structlog.get_logger()
OPEN = Gauge("leadwire_smtp_connections", "SMTP connections that are open.")
OPENED = Counter("leadwire_smtp_connects_total", "SMTP connections opened.", ["outcome"])


class Lines:
    """At most `size` connections. One that carried `most_letters`, or fails, is replaced."""

    def __init__(
        self,
        server: Server,
        *,
        size: int,
        most_letters: int = 100,
        idle_seconds: float = 15,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server
        self.size = size
        self.most_letters = most_letters
        self.idle_seconds = idle_seconds
        self.problem: str | None = None
        self._monotonic = monotonic
        self._backoff = Backoff(first=0.2, longest=15)
        self._retry_at = 0.0
        self._idle: list[Line] = []
        self._busy = 0

    @property
    def free(self) -> int:
        """How many more letters could be carried right now."""
        return self.size - self._busy

    @property
    def standing(self) -> int:
        """How many connections stand ready."""
        self._idle = [line for line in self._idle if line.usable]
        return len(self._idle)

    @property
    def retry_in(self) -> float:
        """Seconds until a server that did not let us in is tried again; 0 when it may be now."""
        return max(0.0, self._retry_at - self._monotonic()) if self.problem else 0.0

    async def take(self, wanted: int) -> list[Line]:
        """Up to `wanted` open connections; fewer, or none, when the server does not let us in.

        While it does not, one connection at a time is tried, ever more rarely.
        """
        wanted = min(wanted, self.free)
        taken = [self._idle.pop() for _ in range(min(wanted, self.standing))]
        self._busy += len(taken)
        missing = wanted - len(taken)
        if self.problem:
            missing = min(missing, 0 if self.retry_in else 1)
        opened = await asyncio.gather(*(self._open() for _ in range(missing)))
        if missing and not any(opened):
            self._retry_at = self._monotonic() + self._backoff.next()
        elif missing:
            self._backoff.reset()
        self._count()
        return taken + [line for line in opened if line]

    async def _open(self) -> Line | None:
        line = Line(self.server)
        self._busy += 1
        try:
            await line.open()
        except BaseException as error:
            self._busy -= 1
            if not isinstance(error, CannotConnect):
                raise
            if self.problem is None:
                log.warning("smtp.unreachable", reason=str(error))
            self.problem = str(error)
            OPENED.labels("failed").inc()
            return None
        self.problem = None
        OPENED.labels("opened").inc()
        return line

    async def give_back(self, line: Line) -> None:
        """Return a connection; it is kept when it is still good."""
        self._busy -= 1
        if line.usable and line.carried < self.most_letters:
            self._idle.append(line)
        else:
            await line.close()
        self._count()

    async def tidy(self) -> None:
        """Close connections that were not needed for a while, before the server does."""
        now = self._monotonic()
        old = [line for line in self._idle if now - line.used_at > self.idle_seconds]
        self._idle = [line for line in self._idle if line not in old and line.usable]
        await asyncio.gather(*(line.close() for line in old))
        self._count()

    async def close(self) -> None:
        """Close all that are not in use."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(line.close() for line in idle))
        self._count()

    def _count(self) -> None:
        OPEN.set(len(self._idle) + self._busy)
