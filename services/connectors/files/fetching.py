"""The loop that fetches wanted files: a few at once, each under a lease, none inside a transaction."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Gauge

from services.connectors.definitions.channel import Rules
from services.connectors.domain.file import Patience
from services.connectors.errors import NotFetched, NotStored
from services.connectors.files.obtaining import Sources
from services.connectors.files.places import Place, place_of
from services.connectors.files.sniffing import content_type_of, named
from services.connectors.files.spool import Spool
from services.connectors.settings import ConnectorsSettings
from services.connectors.store import files
from services.connectors.store.files import Kept, Row
from services.connectors.usecases.settle_files import cause_of, forget_old, settle_failed, settle_kept
from services.runtime.database import is_transient, told
from services.runtime.patience import wait_any

if TYPE_CHECKING:
    from services.connectors.outside.downloads import Downloads
    from services.runtime.host import Host

log = structlog.get_logger()
WAITING = Gauge("leadwire_files_waiting", "Files that are wanted and not here yet.")
# A dead vendor may hold so many of the places at once that another always finds one.
_SHARE = 2
_SPARE_SECONDS = 60.0
_LOOK_SECONDS = 2.0
_CLEAN_SECONDS = 15.0
# What a vendor answers in place of a recording that it does not hand out.
_PAGES = ("text/html", "text/plain")


class Fetching:
    """The files of one process: a loop of its host."""

    def __init__(self, settings: ConnectorsSettings, rules: Callable[[], Rules]) -> None:
        self._settings = settings
        self._rules = rules
        self._made: Downloads | None = None
        self._patience = Patience(
            first=timedelta(seconds=settings.files_first_pause),
            longest=timedelta(seconds=settings.files_longest_pause),
            whole=timedelta(hours=settings.files_patience_hours),
            gone_after=timedelta(seconds=settings.files_gone_after),
        )
        self._running: dict[asyncio.Task[None], Row] = {}
        self._clean_at = 0.0

    async def run(self, host: "Host") -> None:
        """Fetch until the host stops. What is under way then is fetched by others, or after a start."""
        if host.definitions:  # by no other rules than the active ones
            await wait_any(host.definitions.loaded, host.stopping)
        sources, place = Sources(host.bus, self._downloads), place_of(self._settings, host.bus)
        try:
            while not host.stopping.is_set():
                await self._clean(host, place)
                if not await self._begin(host, sources, place):
                    await self._rest(host)
        finally:
            await self._hand_back(host)

    def _downloads(self) -> "Downloads":
        if self._made is None:
            from services.connectors.outside.downloads import Downloads

            self._made = Downloads(self._settings.files_networks)
        return self._made

    async def _rest(self, host: "Host") -> None:
        """Until there may be something to do: a place became free, or time has passed."""
        full = len(self._running) >= self._settings.files_at_once
        pause = None if full else min(_LOOK_SECONDS, self._settings.files_first_pause)
        stopping = asyncio.ensure_future(host.stopping.wait())
        try:
            waits = [stopping, *self._running]
            await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    async def _begin(self, host: "Host", sources: Sources, place: Place) -> bool:
        """Begin with files that are due; False when there is none, or no place for one."""
        free = self._settings.files_at_once - len(self._running)
        rows = await self._claim(host, free) if free > 0 else []
        for row in rows:
            task = asyncio.create_task(self._fetch(host, row, sources, place), name="file")
            self._running[task] = row
            task.add_done_callback(self._done)
        return bool(rows)

    async def _hand_back(self, host: "Host") -> None:
        """Stop what is under way, and let others have it at once."""
        rows = list(self._running.values())
        for task in self._running:
            task.cancel()
        if rows:
            await asyncio.wait(list(self._running))
            async with host.database.pool.acquire() as connection:
                await files.hand_back(connection, [row.file_id for row in rows], host.clock.now())

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (error := task.exception()):
            log.warning("file.failed", why=told(error), exc_info=None if is_transient(error) else error)

    async def _claim(self, host: "Host", free: int) -> list[Row]:
        counts = Counter(row.channel for row in self._running.values())
        busy = [channel for channel, count in counts.items() if count >= _SHARE]
        now = host.clock.now()
        until = now + timedelta(seconds=self._settings.files_seconds + _SPARE_SECONDS)
        async with host.database.pool.acquire() as connection:
            # One by one, so that the share of a channel holds within one look, too.
            limit = 1 if self._running else min(free, _SHARE)
            return await files.claim(connection, now, until, uuid.uuid4(), limit=limit, busy=busy)

    async def _fetch(self, host: "Host", row: Row, sources: Sources, place: Place) -> None:
        """One attempt at one file. While bus or place are away its lease runs out and that is all."""
        with Spool(self._settings.files_limit) as spool:
            try:
                async with asyncio.timeout(self._settings.files_seconds):
                    channel = self._rules().channels.get(row.channel)
                    await sources.obtain(row, channel, spool, host.clock.now())
                    kept = kept_of(row, spool)
                    await place.put(row.file_id, spool)
            except TimeoutError:
                seconds = self._settings.files_seconds
                await self._failed(host, row, NotFetched(f"it took more than {seconds:.0f} seconds"))
            except NotStored as error:
                await self._failed(host, row, NotFetched(f"it cannot be kept now: {error}"))
            except NotFetched as error:
                await self._failed(host, row, error)
            else:
                await self._kept(host, row, kept, place)

    async def _kept(self, host: "Host", row: Row, kept: Kept, place: Place) -> None:
        async with host.work(cause_of(row)) as work:
            settled = await settle_kept(row, kept, work)
        if settled:
            return
        async with host.database.pool.acquire() as connection:
            now = await files.read(connection, row.file_id)
        if now and now.state == "erased":  # while it was on its way
            await place.erase(row.file_id)

    async def _failed(self, host: "Host", row: Row, error: NotFetched) -> None:
        async with host.work(cause_of(row)) as work:
            await settle_failed(row, error, self._patience, random.random(), work)

    async def _clean(self, host: "Host", place: Place) -> None:
        """Now and then: count, forget what was kept long enough, erase the objects of what is forgotten."""
        now = asyncio.get_running_loop().time()
        if now < self._clean_at:
            return
        self._clean_at = now + _CLEAN_SECONDS
        if self._settings.keep_files_days:
            before = host.clock.now() - timedelta(days=self._settings.keep_files_days)
            async with host.work() as work:
                await forget_old(before, work)
        async with host.database.pool.acquire() as connection:
            WAITING.set(await files.waiting(connection))
            leftovers = await files.leftovers(connection)
        with suppress(NotStored):  # for one it is away for all: hundreds of waits would hold up all else
            for file_id in leftovers:
                await sweep(host, place, file_id)


async def sweep(host: "Host", place: Place, file_id: uuid.UUID) -> None:
    """Erase the object of a file that was forgotten. Raises NotStored."""
    await place.erase(file_id)
    async with host.database.pool.acquire() as connection:
        await files.swept(connection, file_id)


def kept_of(row: Row, spool: Spool) -> Kept:
    """What is known of the bytes. Raises NotFetched when they cannot be what was wanted."""
    content_type = content_type_of(spool.head, row.claimed_type)
    if row.owner == "call" and (content_type in _PAGES or not spool.size):
        raise NotFetched("the vendor answered with a page or nothing where a recording should be")
    return Kept(named(row.name, content_type), spool.digest.hex(), spool.size, content_type)
