"""Readers that rest: another session holds their lease, as another replica would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

# As services/runtime/reader.py names it: the schema, the group, the stream.
_LEASE = "reader connectors connectors INTAKE"
_HOLDERS = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid <> pg_backend_pid()
  AND (classid::bigint << 32 | objid::bigint) = hashtextextended($1, 0)
"""


@asynccontextmanager
async def resting(dsn: str) -> AsyncIterator[None]:
    """What inlets store stays unread for so long. Deliveries are read by whoever holds the lease."""
    holder, other = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        # Whoever waits in line comes before those that try now and then.
        waiting = asyncio.create_task(
            holder.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", _LEASE)
        )
        while not waiting.done():
            await other.execute(_HOLDERS, _LEASE)
            await asyncio.wait([waiting], timeout=0.2)
        await waiting
        yield
    finally:
        await holder.close()
        await other.close()
