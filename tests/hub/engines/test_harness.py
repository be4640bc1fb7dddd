import asyncpg
import nats

from tests.support.accounts import NatsAccount


async def test_every_test_has_an_empty_account_of_its_own(nats_account: NatsAccount) -> None:
    client = await nats.connect(nats_account.url)
    js = client.jetstream()
    assert await js.streams_info() == []
    await js.add_stream(name="INGRESS_PARTNER", subjects=["ingress.partner"])
    partner = await nats.connect(nats_account.partner_url)
    ack = await partner.jetstream().publish("ingress.partner", b"x")
    assert ack.seq == 1
    await partner.close()
    await client.close()


async def test_every_test_has_a_database_of_its_own(database_dsn: str) -> None:
    connection = await asyncpg.connect(database_dsn)
    assert await connection.fetchval("select 1") == 1
    await connection.close()
