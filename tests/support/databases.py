"""A database per test, like a template that was migrated once."""

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
    """The connection string of a database like the template; whoever is connected at the end is cut off.

    A clone that was used is washed and lent again, which takes a tenth of the time of a new one.
    """
    admin = engines.dsn("postgres")
    name = _washed.pop() if _washed else await _new_clone(admin)
    kept = False
    try:
        yield engines.dsn(name)
        kept = await _wash(engines.dsn(name))
    finally:
        if kept:
            _washed.append(name)
        else:
            await _execute(admin, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _new_clone(admin: str) -> str:
    name = f"t_{os.getpid()}_{next(_numbers)}"
    await _execute(admin, f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
    return name


_washed: list[str] = []
_LARGE = 256 * 1024
# What a test may have made beside rows; a clone that differs in it is not lent again.
_SHAPE = """
    SELECT md5(string_agg(what, ' ' ORDER BY what)) FROM (
        SELECT concat_ws(',', 'class', oid, relname, relnatts, relchecks, relpersistence) AS what
        FROM pg_class WHERE oid >= 16384 AND relkind <> 't'
        UNION ALL SELECT concat_ws(',', 'function', oid) FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT concat_ws(',', 'trigger', oid, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT concat_ws(',', 'constraint', oid) FROM pg_constraint WHERE oid >= 16384
        UNION ALL SELECT concat_ws(',', 'setting', setdatabase, setrole, setconfig)
        FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
        WHERE datname = current_database()
    ) AS made
"""
_shapes: list[str] = []


async def _wash(dsn: str) -> bool:
    """Cut everybody off and empty every table; False when more than rows was changed."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        if await connection.fetchval(_SHAPE) != await _shape_of_template(dsn):
            return False
        tables = await connection.fetch(
            "SELECT oid::regclass::text AS name, pg_relation_size(oid) AS size FROM pg_class"
            " WHERE relkind = 'r' AND oid >= 16384 AND relname <> 'alembic_version'"
            " AND pg_relation_size(oid) > 0"
        )
        # Small tables are emptied faster than they are truncated.
        emptying = [
            f"TRUNCATE {row['name']} CASCADE" if row["size"] > _LARGE else f"DELETE FROM {row['name']}"
            for row in tables
        ]
        await connection.execute(
            f"SET session_replication_role = replica; {'; '.join([*emptying, _RESTART])}"
        )
    finally:
        await connection.close()
    return True


def emptied(schema: str, *tables: str) -> str:
    """Statements that empty these tables of a schema, in this order, and begin its numbers anew.

    For tables with few rows: there it takes a fiftieth of the time of TRUNCATE.
    """
    return "; ".join(
        [*(f"DELETE FROM {table}" for table in tables), f"{_RESTART} AND schemaname = '{schema}'"]
    )


_RESTART = (
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
    " FROM pg_sequences WHERE last_value IS NOT NULL"
)


async def _shape_of_template(dsn: str) -> str:
    if not _shapes:
        connection = await asyncpg.connect(dsn, database=TEMPLATE)
        try:
            _shapes.append(await connection.fetchval(_SHAPE))
        finally:
            await connection.close()
    return _shapes[0]


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
