"""A few kept connections, opened when there is work and closed when there is none."""

import asyncio
import time
from collections.abc import Callable

import structlog
from prometheus_client import Counter, Gauge

from services.notifications.delivery.line import CannotConnect, Line, Server

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

    async def take(self, wanted: int) -> list[Line]:
        """Up to `wanted` open connections; fewer, or none, when the server does not let us in.

        While it does not, one connection at a time is tried.
        """
        wanted = min(wanted, self.free)
        taken = [self._idle.pop() for _ in range(min(wanted, self.standing))]
        self._busy += len(taken)
        missing = wanted - len(taken)
        if missing and self.problem and not taken:
            missing = 1
        elif self.problem:
            missing = 0
        opened = await asyncio.gather(*(self._open() for _ in range(missing)))
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
