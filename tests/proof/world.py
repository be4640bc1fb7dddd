"""The engines, the worker processes and what can go wrong with them."""

import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext, ForkServerProcess

import asyncpg

from services.runtime.bus import Bus
from services.runtime.schema import create_runtime_tables
from tests.proof import worker
from tests.proof.model import TABLES
from tests.support.accounts import wipe
from tests.support.faults import PrivateEngines
from tests.support.proxy import Proxy, before_nats, before_postgres

WORKERS = 2
_context: ForkServerContext = multiprocessing.get_context("forkserver")
# Loaded once; each worker is forked from there within milliseconds.
_context.set_forkserver_preload(["tests.proof.worker"])


@dataclass
class World:
    """A database and two streams of one history, the workers on them, and proxies between."""

    engines: PrivateEngines
    database: str
    off: frozenset[str]
    nats_proxy: Proxy
    postgres_proxy: Proxy
    orders: worker.Orders
    workers: list[ForkServerProcess | None] = field(default_factory=lambda: [None] * WORKERS)

    @property
    def dsn(self) -> str:
        return self.engines.dsn(self.database)

    @property
    def nats_url(self) -> str:
        return self.engines.account().url

    def hire(self, place: int) -> None:
        """Start the worker at a place."""
        process = _context.Process(target=worker.main, args=(self.orders,), daemon=True)
        process.start()
        self.workers[place] = process

    def kill(self, place: int) -> None:
        """SIGKILL a worker and start it again."""
        self._end(place)
        self.hire(place)

    def _end(self, place: int) -> None:
        if process := self.workers[place]:
            process.kill()
            process.join()

    def pause(self, place: int) -> None:
        """SIGSTOP a worker."""
        self._signal(place, signal.SIGSTOP)

    def resume(self, place: int) -> None:
        """SIGCONT a worker."""
        self._signal(place, signal.SIGCONT)

    def _signal(self, place: int, number: signal.Signals) -> None:
        if process := self.workers[place]:
            with suppress(ProcessLookupError):
                os.kill(process.pid or 0, number)

    async def kill_nats(self) -> None:
        """SIGKILL the bus and start it on the same store."""
        await self.engines.kill_nats()
        await self.engines.restart_nats()

    async def kill_postgres(self) -> None:
        """SIGKILL the database with every backend and start it on the same data."""
        await self.engines.kill_postgres()
        await self.engines.restart_postgres()

    def end_workers(self) -> None:
        """SIGKILL all of them."""
        for place in range(WORKERS):
            self._end(place)


@asynccontextmanager
async def stage(
    engines: PrivateEngines, database: str, off: frozenset[str], dedupe_seconds: float, slow: float
) -> AsyncIterator[World]:
    """Fresh streams, a fresh database and two workers; all taken down again."""
    await _make_database(engines, database)
    await _make_streams(engines, dedupe_seconds)
    async with AsyncExitStack() as stack:
        nats, nats_url = await stack.enter_async_context(before_nats(engines.account().url))
        postgres, dsn = await stack.enter_async_context(before_postgres(engines.dsn(database)))
        world = World(engines, database, off, nats, postgres, worker.Orders(nats_url, dsn, off, slow))
        stack.callback(world.end_workers)
        nats.delay(slow)
        for place in range(WORKERS):
            world.hire(place)
        yield world
    await wipe(engines.account())
    await _admin(engines.dsn("postgres"), f"DROP DATABASE {database} WITH (FORCE)")


async def _admin(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _make_database(engines: PrivateEngines, database: str) -> None:
    await _admin(engines.dsn("postgres"), f"CREATE DATABASE {database}")
    for schema in ("floor", "echo"):
        sql = f"CREATE SCHEMA {schema}; SET search_path TO {schema}; {create_runtime_tables()} {TABLES}"
        await _admin(engines.dsn(database), sql)


async def _make_streams(engines: PrivateEngines, dedupe_seconds: float) -> None:
    await wipe(engines.account())
    bus = await Bus.connect(engines.account().url)
    for name, subject in (("CRM_FLOOR", "crm.floors.>"), ("CRM_ECHO", "crm.echoes.>")):
        await bus.js.add_stream(
            name=name, subjects=[subject], allow_atomic=True, duplicate_window=dedupe_seconds
        )
    await bus.close()
