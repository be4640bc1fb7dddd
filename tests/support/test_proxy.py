"""A proxy that is transparent until told otherwise, before a real server of each kind."""

import asyncio

import asyncpg
import nats
import nats.errors
import pytest

from tests.support.accounts import NatsAccount
from tests.support.proxy import before_nats, before_postgres
from tests.support.wait import until

BROKEN = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


async def test_queries_pass_through(database_dsn: str) -> None:
    async with before_postgres(database_dsn) as (proxy, dsn):
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT repeat('x', 300000)") == "x" * 300_000
        assert proxy.connections == 1
        await connection.close()


async def test_a_cut_breaks_what_is_open_and_lets_in_what_comes_later(database_dsn: str) -> None:
    async with before_postgres(database_dsn) as (proxy, dsn):
        connection = await asyncpg.connect(dsn)
        proxy.cut()
        with pytest.raises(BROKEN):
            await connection.fetchval("SELECT 1")
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()


async def test_a_cut_in_mid_answer_gives_the_client_a_part_of_it(database_dsn: str) -> None:
    async with before_postgres(database_dsn) as (proxy, dsn):
        connection = await asyncpg.connect(dsn)
        before = proxy.passed["down"]
        proxy.cut_after(1000)
        with pytest.raises(BROKEN):
            await connection.fetchval("SELECT repeat('x', 300000)")
        assert proxy.passed["down"] == before + 1000


async def test_a_refusing_proxy_lets_nobody_in_until_it_admits_again(database_dsn: str) -> None:
    async with before_postgres(database_dsn) as (proxy, dsn):
        proxy.refuse()
        with pytest.raises(BROKEN):
            await asyncpg.connect(dsn)
        proxy.admit()
        await (await asyncpg.connect(dsn)).close()


async def test_a_frozen_connection_stays_open_and_silent_and_loses_nothing(database_dsn: str) -> None:
    async with before_postgres(database_dsn) as (proxy, dsn):
        connection = await asyncpg.connect(dsn)
        proxy.freeze()
        asked = asyncio.create_task(connection.fetchval("SELECT 1"))
        done, _ = await asyncio.wait([asked], timeout=0.1)
        assert not done
        proxy.thaw()
        assert await asked == 1
        await connection.close()


async def test_a_delay_is_felt(database_dsn: str) -> None:
    async with before_postgres(database_dsn) as (proxy, dsn):
        connection = await asyncpg.connect(dsn)
        proxy.delay(0.1)
        began = asyncio.get_running_loop().time()
        await connection.execute("SELECT 1")
        assert asyncio.get_running_loop().time() - began >= 0.2
        proxy.delay(0)
        await connection.close()


async def test_a_client_of_the_bus_reconnects_through_the_proxy(nats_account: NatsAccount) -> None:
    async with before_nats(nats_account.url) as (proxy, url):
        client = await nats.connect(url, reconnect_time_wait=0.01)
        js = client.jetstream()
        await js.add_stream(name="S", subjects=["s"])
        proxy.cut()
        await until(lambda: client.stats["reconnects"] == 1)
        assert (await js.publish("s", b"x", timeout=5)).seq == 1
        await client.close()


async def test_an_acknowledgement_can_be_lost_while_the_message_is_stored(
    nats_account: NatsAccount,
) -> None:
    direct = await nats.connect(nats_account.url)
    await direct.jetstream().add_stream(name="S", subjects=["s"])
    async with before_nats(nats_account.url) as (proxy, url):
        client = await nats.connect(url, reconnect_time_wait=0.01)
        await client.flush()
        proxy.cut_after(0, "down")
        with pytest.raises((nats.errors.Error, OSError)):
            await client.jetstream().publish("s", b"x", timeout=0.3)
        stored = (await direct.jetstream().stream_info("S")).state.messages
        assert stored == 1
        await client.close()
    await direct.close()
