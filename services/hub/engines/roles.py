"""The roles and the database of a hub: one owner, one role for each service."""

from collections.abc import Mapping, Sequence

import asyncpg

DATABASE = "leadwire"
OWNER = "leadwire"


async def establish(dsn: str, services: Sequence[str], passwords: Mapping[str, str] | None = None) -> None:
    """Create what is missing of roles and database. `dsn` is a superuser's. Again changes nothing.

    Roles get the passwords given, each time: the file that holds one is what counts.
    """
    connection = await asyncpg.connect(dsn)
    try:
        there = {row[0] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
        for role in (OWNER, *services):
            if role not in there:
                await connection.execute(f"CREATE ROLE {role} LOGIN")
                # The owner makes each service's schema on its behalf.
                if role != OWNER:
                    await connection.execute(f"GRANT {role} TO {OWNER}")
        for role, password in (passwords or {}).items():
            # A statement of this kind takes no parameters; the server itself quotes.
            await connection.execute(
                await connection.fetchval(
                    "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)", role, password
                )
            )
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        # A database is made before its roles are admitted: a crash between is mended here.
        await connection.execute(f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC")
        await connection.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO {', '.join(services)}")
    finally:
        await connection.close()
