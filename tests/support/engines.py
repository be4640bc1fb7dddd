"""One NATS and one PostgreSQL for a whole test run: from the wheels, or from containers."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import asyncpg

from services.hub.engines.nats import NatsServer
from services.hub.engines.postgres import PostgresServer
from tests.support.accounts import pool_accounts
from tests.support.scratch import scratch_home


class RealEngines(Protocol):
    """What tests may ask of the engines, wherever they come from."""

    @property
    def nats_url(self) -> str:
        """Where NATS listens, without credentials."""
        ...

    def dsn(self, database: str) -> str:
        """A superuser's connection string to this database."""
        ...


@dataclass
class WheelEngines:
    """The engines from the wheels, over a throw-away folder."""

    nats: NatsServer
    postgres: PostgresServer

    @property
    def nats_url(self) -> str:
        return self.nats.url

    def dsn(self, database: str) -> str:
        return self.postgres.dsn(database=database)


@contextmanager
def wheel_engines() -> Iterator[WheelEngines]:
    """Both engines, started together, stopped and wiped at the end."""
    with scratch_home() as home:
        engines = WheelEngines(
            NatsServer(home / "nats", pool_accounts()),
            PostgresServer(home / "pg", home / "run", max_connections=100),
        )
        try:
            asyncio.run(_start(engines))
            asyncio.run(_hurry(engines))
            yield engines
        finally:
            asyncio.run(_stop(engines))


async def _start(engines: WheelEngines) -> None:
    await asyncio.gather(engines.nats.start(), engines.postgres.start())


async def _hurry(engines: WheelEngines) -> None:
    """These engines are never killed: what would be lost by that need not be waited for.

    Tests of crashes start engines of their own, which sync as they do in production.
    """
    connection = await asyncpg.connect(engines.dsn("postgres"))
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            await connection.execute(f"ALTER SYSTEM SET {setting} = off")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


async def _stop(engines: WheelEngines) -> None:
    await asyncio.gather(engines.nats.stop(), engines.postgres.stop())


@contextmanager
def chosen_engines() -> Iterator[RealEngines]:
    """The engines that LEADWIRE_TEST_ENGINES asks for: `wheels` (default) or `containers`."""
    if os.environ.get("LEADWIRE_TEST_ENGINES", "wheels") == "containers":
        from tests.support.containers import container_engines

        with container_engines() as engines:
            yield engines
    else:
        with wheel_engines() as engines:
            yield engines
