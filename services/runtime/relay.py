"""The relay: brings a service's outbox onto the bus, in the order it was written.

One per service, under a session's advisory lock. Two at once would still be harmless as long as each
goes by id; claiming with SKIP LOCKED or remembering the last id would reorder or lose.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter

from services.runtime import outbox
from services.runtime.bus import Bus
from services.runtime.database import Database, told
from services.runtime.outbox import Outgoing
from services.runtime.patience import Backoff, gathering, wait_any
from services.runtime.publishing import BatchRefused

if TYPE_CHECKING:
    from services.runtime.database import Connection

log = structlog.get_logger()
PUBLISHED = Counter(
    "leadwire_outbox_published_total", "Outbox rows acknowledged by the bus.", ["service", "way"]
)
_POLL_SECONDS = 1.0
_AT_ONCE = 1000
# Below this many rows a commit for each is cheaper than the fixed cost of an atomic batch.
_WORTH_A_BATCH = 8
_ENOUGH = 100
# PubAcks come in bytes too: a batch must stay well below what the server buffers.
_BATCH_BYTES = 4 * 1024 * 1024


class Relay:
    """Publishes until told to stop; `wake` says that something was committed."""

    def __init__(self, database: Database, bus: Bus, group: str, wake: asyncio.Event) -> None:
        self.database = database
        self.bus = bus
        self.group = group
        self.wake = wake
        self._holder: object = None
        self.problem: str | None = "starting"

    async def run(self, stopping: asyncio.Event) -> None:
        """Every failure drops the connection, and with it the lock, and begins anew."""
        backoff = Backoff()
        while not stopping.is_set():
            try:
                async with self.database.session() as connection:
                    await self._serve(connection, stopping, backoff)
            except Exception as error:
                self.problem = type(error).__name__
                log.warning("relay.failed", service=self.group, error=told(error))
                await wait_any(stopping, timeout=backoff.next())

    async def _serve(self, connection: "Connection", stopping: asyncio.Event, backoff: Backoff) -> None:
        while not stopping.is_set():
            self.wake.clear()
            begun, sent = time.monotonic(), 0
            if await self._mine(connection):
                sent = await self.publish_waiting(connection)
            self.problem = None
            backoff.reset()
            if 0 < sent < _ENOUGH:
                await wait_any(stopping, timeout=gathering(time.monotonic() - begun))
            if sent < _AT_ONCE:
                await wait_any(stopping, self.wake, timeout=_POLL_SECONDS)

    async def _mine(self, connection: "Connection") -> bool:
        """Whether this session is the one that relays; it keeps the lock once it has it."""
        if self._holder is connection:
            return True
        taken: bool = await connection.fetchval(
            "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", f"relay {self.database.schema}"
        )
        self._holder = connection if taken else None
        return taken

    async def publish_waiting(self, connection: "Connection") -> int:
        """Publish the oldest waiting rows; how many. A row is marked only after its PubAck."""
        rows = await self.claim(connection)
        for stream, several in _by_stream(rows).items():
            for part in _portions(several):
                await self._publish(stream, part)
                await outbox.mark_published(connection, [row.id for row in part])
        return len(rows)

    async def claim(self, connection: "Connection") -> list[Outgoing]:
        """The rows to publish next."""
        return await outbox.unpublished(connection, _AT_ONCE)

    async def _publish(self, stream: str, rows: Sequence[Outgoing]) -> None:
        """As one commit where that pays, else one by one; a refused batch goes one by one too."""
        if len(rows) >= _WORTH_A_BATCH:
            try:
                await self.bus.publish_batch(stream, rows)
            except BatchRefused as refused:
                log.info("relay.batch_refused", service=self.group, code=refused.code)
            else:
                PUBLISHED.labels(self.group, "batch").inc(len(rows))
                return
        for row in rows:
            await self.bus.publish(stream, row.subject, row.body, row.headers)
            PUBLISHED.labels(self.group, "single").inc()


def _by_stream(rows: Sequence[Outgoing]) -> dict[str, list[Outgoing]]:
    """Order matters within a stream only: nobody can see it between two."""
    found: dict[str, list[Outgoing]] = {}
    for row in rows:
        found.setdefault(row.stream, []).append(row)
    return found


def _portions(rows: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Runs of rows that fit into one batch by size."""
    portion: list[Outgoing] = []
    size = 0
    for row in rows:
        if portion and size + len(row.body) > _BATCH_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(row)
        size += len(row.body)
    if portion:
        yield portion
