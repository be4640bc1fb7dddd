"""Engines that a test may kill and pause."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import nats
import nats.errors
import pytest

from tests.support import databases
from tests.support.faults import PrivateEngines

Start = Callable[..., Awaitable[PrivateEngines]]


async def test_what_was_acknowledged_is_there_after_both_were_killed(private_engines: Start) -> None:
    engines = await private_engines()
    client = await nats.connect(engines.account().url, reconnect_time_wait=0.02)
    await client.jetstream().add_stream(name="S", subjects=["s"])
    await client.jetstream().publish("s", b"x")
    connection = await asyncpg.connect(engines.dsn("postgres"))
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    await asyncio.gather(engines.kill_nats(), engines.kill_postgres())
    await asyncio.gather(engines.restart_nats(), engines.restart_postgres())
    again = await asyncpg.connect(engines.dsn("postgres"))
    assert await again.fetchval("SELECT one FROM kept") == 1
    await again.close()
    connection.terminate()
    other = await nats.connect(engines.account().url)
    assert (await other.jetstream().stream_info("S")).state.messages == 1
    await other.close()
    await client.close()


async def test_a_paused_engine_is_silent_and_goes_on_where_it_was(private_engines: Start) -> None:
    engines = await private_engines()
    client = await nats.connect(engines.account().url)
    connection = await asyncpg.connect(engines.dsn("postgres"))
    engines.pause_nats()
    engines.pause_postgres()
    with pytest.raises(nats.errors.TimeoutError):
        await client.flush(timeout=1)
    asked = asyncio.create_task(connection.fetchval("SELECT 1"))
    done, _ = await asyncio.wait([asked], timeout=0.1)
    assert not done
    engines.resume_nats()
    engines.resume_postgres()
    assert await asked == 1
    await client.flush(timeout=5)
    await client.close()
    await connection.close()


async def test_paused_engines_are_stopped_at_the_end_of_the_test(private_engines: Start) -> None:
    engines = await private_engines()
    engines.pause_nats()
    engines.pause_postgres()


async def test_private_engines_can_have_a_migrated_database(private_engines: Start) -> None:
    engines = await private_engines()
    async with databases.fresh(engines, services=()) as dsn:
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT count(*) FROM floor.inbox") == 0
        await connection.close()
