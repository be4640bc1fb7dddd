"""The harness itself: what it promises to every other test."""

import asyncio

import asyncpg
import nats
import nats.errors
import pytest

from tests.support import databases
from tests.support.accounts import POOL_SIZE, NatsAccount, pool_member, wipe
from tests.support.engines import RealEngines
from tests.support.wait import until


async def test_every_test_has_an_empty_account_of_its_own(nats_account: NatsAccount) -> None:
    client = await nats.connect(nats_account.url)
    js = client.jetstream()
    assert await js.streams_info() == []
    await js.add_stream(name="KEPT", subjects=["kept"])
    await js.create_key_value(bucket="kept")
    await client.close()
    await wipe(nats_account)
    client = await nats.connect(nats_account.url)
    assert await client.jetstream().streams_info() == []
    await client.close()


async def test_accounts_do_not_hear_each_other(engines: RealEngines) -> None:
    one, other = [await nats.connect(pool_member(engines.nats_url, n).url) for n in (0, 1)]
    heard = await other.subscribe(">")
    await other.flush()
    await one.publish("crm.leads.captured.v1.00", b"x")
    await one.flush()
    await other.flush()
    assert heard.pending_msgs == 0
    await one.close()
    await other.close()


def test_the_pool_begins_again_when_it_is_used_up(engines: RealEngines) -> None:
    assert pool_member(engines.nats_url, POOL_SIZE + 3) == pool_member(engines.nats_url, 3)


async def test_the_partner_of_an_account_publishes_to_its_ingress_alone(
    nats_account: NatsAccount,
) -> None:
    client = await nats.connect(nats_account.url)
    await client.jetstream().add_stream(name="INGRESS_PARTNER", subjects=["ingress.partner"])
    partner = await nats.connect(nats_account.partner_url)
    assert (await partner.jetstream().publish("ingress.partner", b"x")).seq == 1
    with pytest.raises((nats.errors.Error, TimeoutError)):
        await partner.request("ingress.other", b"x", timeout=0.2)
    await partner.close()
    await client.close()


async def test_every_test_has_a_database_of_its_own(engines: RealEngines, database_dsn: str) -> None:
    connection = await asyncpg.connect(database_dsn)
    assert await connection.fetchval("SELECT count(*) FROM floor.outbox") == 0
    assert await connection.fetchval("SHOW server_encoding") == "UTF8"
    await connection.close()


async def test_a_database_is_lent_again_without_a_trace_and_one_that_was_rebuilt_is_not(
    engines: RealEngines, failed_migrations: dict[str, Exception]
) -> None:
    async with databases.clone(engines) as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.execute("INSERT INTO leads.team_members VALUES ('anna', 1, 1)")
        await connection.execute(
            "INSERT INTO leads.team_members SELECT g, 1, 1 FROM generate_series(1, 9000) g"
        )
        await connection.execute("SELECT nextval('leads.interactions_n_seq')")
        held = await asyncpg.connect(dsn)
        await held.execute("BEGIN; INSERT INTO leads.team_members VALUES ('held', 1, 1)")
    async with databases.clone(engines) as again:
        assert again == dsn
        connection = await asyncpg.connect(again)
        assert await connection.fetchval("SELECT count(*) FROM leads.team_members") == 0
        assert await connection.fetchval("SELECT nextval('leads.interactions_n_seq')") == 1
        assert await connection.fetchval("SELECT count(*) FROM leads.alembic_version") == 1
        await connection.execute("ALTER TABLE leads.team_members ADD COLUMN more text")
        await connection.close()
    async with databases.clone(engines) as other:
        assert other != dsn


def test_every_service_migrates(failed_migrations: dict[str, Exception]) -> None:
    assert failed_migrations == {}


async def test_until_returns_the_value_it_waited_for() -> None:
    values = iter([0, None, "", "there"])
    assert await until(lambda: next(values), every=0) == "there"


async def test_until_takes_an_async_condition() -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    assert await until(answer) == 42


async def test_until_gives_its_reason_when_the_time_is_over() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.01 s: the cows come home; last: False"):
        await until(lambda: False, within=0.01, every=0.001, why="the cows come home")
