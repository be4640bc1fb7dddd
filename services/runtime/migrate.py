"""Brings a service's schema to the newest of its Alembic history.

`python -m services.runtime.migrate DSN SERVICE...` does several; running it again changes nothing.
"""

import asyncio
import sys
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

SERVICES = Path(__file__).parents[1]
# One migration at a time over all replicas; the number only has to be ours.
_LOCK = 7_204_113


def history(service: str) -> ScriptDirectory:
    """The Alembic history of a service. Raises FileNotFoundError when it has none."""
    folder = SERVICES / service / "migrations"
    if not (folder / "versions").is_dir():
        raise FileNotFoundError(f"{service} has no migrations in {folder}")
    return ScriptDirectory(str(folder))


def _migrate(connection: Connection, script: ScriptDirectory, schema: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    role = connection.execute(
        text("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname = :role"), {"role": schema}
    ).scalar()
    owner = f" AUTHORIZATION {role}" if role else ""
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"{owner}'))
    if role:
        connection.execute(text(f"SET LOCAL ROLE {role}"))
    connection.execute(text(f'SET LOCAL search_path TO "{schema}"'))

    def to_head(revision: tuple[str, ...], _context: object) -> list[object]:
        return list(script._upgrade_revs("head", revision))  # type: ignore[arg-type]

    environment = EnvironmentContext(Config(), script, fn=to_head)
    environment.configure(connection=connection, version_table_schema=schema)
    environment.run_migrations()


async def _upgrade(dsn: str, service: str, schema: str) -> None:
    url = "postgresql+asyncpg://" + dsn.split("://", 1)[1]
    engine = create_async_engine(url, poolclass=pool.NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate, history(service), schema)
    finally:
        await engine.dispose()


def upgrade(dsn: str, service: str, *, schema: str | None = None) -> None:
    """Create the schema if missing and run every migration it lacks, in one transaction.

    Must not be called from a running event loop; a thread will do.
    """
    asyncio.run(_upgrade(dsn, service, schema or service))


if __name__ == "__main__":
    for name in sys.argv[2:]:
        upgrade(sys.argv[1], name)
