"""A database per test, cloned from a template that was migrated once."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import asyncpg

from services.runtime.migrate import upgrade
from services.runtime.schema import create_runtime_tables
from tests.support.engines import RealEngines

SERVICES = Path(__file__).parents[2] / "services"
TEMPLATE = f"template_{os.getpid()}"
# Whatever locale the server was made with; PostgreSQL 17 and newer.
EMPTY = (
    "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' "
    "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
)
FLOOR = "floor"
"""A schema with nothing but the runtime's own tables."""

_numbers = count(1)


async def make_template(engines: RealEngines) -> dict[str, Exception]:
    """Create the template with every service's newest schema in it.

    What failed comes back by service, so that one broken migration fails one test and not all of them.
    """
    await _execute(engines.dsn("postgres"), f'CREATE DATABASE "{TEMPLATE}" {EMPTY}')
    return await migrate_all(engines.dsn(TEMPLATE))


async def migrate_all(dsn: str, services: Sequence[str] | None = None) -> dict[str, Exception]:
    """Make the floor, then migrate these services, or every one that can be; returns what failed."""
    await _execute(dsn, f"CREATE SCHEMA {FLOOR}; SET search_path TO {FLOOR}; {create_runtime_tables()}")
    failed: dict[str, Exception] = {}
    for service in migrated() if services is None else services:
        try:
            await asyncio.to_thread(upgrade, dsn, service)
        except Exception as problem:
            failed[service] = problem
    return failed


def migrated() -> list[str]:
    """The services that have migrations."""
    return sorted(folder.parents[1].name for folder in SERVICES.glob("*/migrations/versions"))


@asynccontextmanager
async def fresh(engines: RealEngines, services: Sequence[str] | None = None) -> AsyncIterator[str]:
    """The connection string of a new database on engines that have no template, for `private_engines`.

    It has the floor and what these services migrate: all of them, unless told otherwise.
    """
    name = f"f_{os.getpid()}_{next(_numbers)}"
    await _execute(engines.dsn("postgres"), f'CREATE DATABASE "{name}" {EMPTY}')
    dsn = engines.dsn(name)
    failed = await migrate_all(dsn, services)
    if failed:
        raise next(iter(failed.values()))
    yield dsn


@asynccontextmanager
async def clone(engines: RealEngines) -> AsyncIterator[str]:
    """The connection string of a fresh clone of the template, dropped afterwards whoever is connected."""
    name = f"t_{os.getpid()}_{next(_numbers)}"
    admin = engines.dsn("postgres")
    await _execute(admin, f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
    try:
        yield engines.dsn(name)
    finally:
        await _execute(admin, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
