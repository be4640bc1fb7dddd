"""Forgets what has been kept long enough: published rows, inbox, journal."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import structlog

from services.runtime import inbox, journal, outbox
from services.runtime.clock import Clock
from services.runtime.database import Database
from services.runtime.patience import wait_any

if TYPE_CHECKING:
    from services.runtime.database import Connection

Forget: TypeAlias = Callable[["Connection", datetime], Awaitable[int]]
"""Deletes what a service has kept long enough at this time; says how many rows."""

log = structlog.get_logger()
_EVERY_SECONDS = 3600.0


class Retention:
    """Deletes old rows of one service once an hour.

    Published outbox rows live as long as their stream, so that they can be published again; the inbox
    must live longer than stream and outbox delay together. `own` forgets what is the service's alone.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        outbox_days: float = 14,
        inbox_days: float = 30,
        journal_days: float = 90,
        own: Forget | None = None,
    ) -> None:
        if inbox_days <= outbox_days:
            raise ValueError(
                f"the inbox is kept {inbox_days} days, the outbox {outbox_days}: keep the inbox longer,"
                " or a fact published again could be done twice"
            )
        self.database = database
        self.clock = clock
        self._outbox = timedelta(days=outbox_days)
        self._inbox = timedelta(days=inbox_days)
        self._journal = timedelta(days=journal_days)
        self._own = own

    async def run(self, stopping: asyncio.Event) -> None:
        """Forget until told to stop; a failure is tried again at the next turn."""
        while not await wait_any(stopping, timeout=_EVERY_SECONDS):
            try:
                await self.forget()
            except Exception as error:
                log.warning("retention.failed", service=self.database.schema, error=type(error).__name__)

    async def forget(self) -> int:
        """Delete what is too old now; how many rows."""
        now = self.clock.now()
        async with self.database.pool.acquire() as connection:
            return (
                await outbox.forget_published(connection, now - self._outbox)
                + await inbox.forget_seen(connection, now - self._inbox)
                + await journal.forget_before(connection, now - self._journal)
                + (await self._own(connection, now) if self._own else 0)
            )
