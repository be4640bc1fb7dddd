"""One service's door to PostgreSQL: a pool bound to its schema, and which failures pass by themselves."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

# SQLSTATE classes and codes after which the same work may succeed untouched.
_TRANSIENT_STATES = ("08", "25006", "40", "53", "55P03", "57", "58", "XX")
_COMMAND_TIMEOUT = 30.0


def is_transient(error: BaseException) -> bool:
    """Whether the database, not the data, was at fault."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "").startswith(_TRANSIENT_STATES)
    return isinstance(
        error,
        asyncpg.InterfaceError | asyncpg.InternalClientError | OSError | TimeoutError | EOFError,
    )


def told(error: BaseException) -> str:
    """An error for the log: what PostgreSQL says may quote whole rows, so only its code is given."""
    if isinstance(error, asyncpg.PostgresError):
        return f"{type(error).__name__} ({error.sqlstate})"
    return f"{type(error).__name__}: {error}"[:200]


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _as_it_is(_connection: object) -> None:
    """The driver would undo settings and locks after every use, a round trip each: only `session` makes any,

    and takes them back by itself. An open transaction is rolled back all the same.
    """


@dataclass
class Database:
    """A pool of connections whose `search_path` is the service's own schema."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    schema: str
    takeover: float = 20.0
    """Seconds without a word after which the server ends a session, and with it its locks."""

    @classmethod
    async def connect(cls, dsn: str, schema: str, *, size: int = 4, takeover: float = 20.0) -> "Database":
        """Open a pool of at most `size` connections. Raises OSError or PostgresError when refused."""
        pool = await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=size,
            init=_prepare,
            reset=_as_it_is,
            command_timeout=_COMMAND_TIMEOUT,
            timeout=10,
            max_inactive_connection_lifetime=60,
            server_settings={
                "search_path": schema,
                "application_name": f"leadwire-{schema}",
                "idle_in_transaction_session_timeout": f"{takeover:.0f}s",
                "default_transaction_isolation": "read committed",
                "jit": "off",
                # Plans are kept, and a table may grow a thousandfold before it is analyzed: one made
                # for ten rows that reads whole tables then takes seconds. Every query here has its index.
                "enable_seqscan": "off",
            },
        )
        return cls(pool, schema, takeover)

    @asynccontextmanager
    async def session(self) -> AsyncIterator["Connection"]:
        """A connection for long use, thrown away after any exception.

        The server ends it after `takeover` seconds without a word, so that a stopped process cannot
        keep its locks: whoever holds one must speak more often than that.
        """
        connection = await self.pool.acquire()
        try:
            await connection.execute(f"SET idle_session_timeout = '{self.takeover:.0f}s'")
            yield connection
        except BaseException:
            # A connection that the server has ended is detached from its proxy already.
            with suppress(asyncpg.InterfaceError):
                connection.terminate()
            raise
        else:
            await connection.execute("SELECT pg_advisory_unlock_all()")
            await connection.execute("RESET idle_session_timeout")
        finally:
            await self.pool.release(connection)

    async def close(self) -> None:
        """Close every connection, by force after five seconds."""
        try:
            async with asyncio.timeout(5):
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()
