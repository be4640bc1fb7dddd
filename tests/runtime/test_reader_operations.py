"""An operator sees how far each stream is read, and lets a stopped reader pass."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from services.runtime.auth import create_token
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from services.runtime.facts import Facts
from services.runtime.host import Host
from services.runtime.settings import Settings
from services.runtime.web import build_app
from tests.runtime.bell_service import Bells, program_of, provision_bells, running_host
from tests.runtime.conftest import Rang, make_tower
from tests.support.accounts import NatsAccount
from tests.support.wait import until


@pytest.fixture
async def host(nats_account: NatsAccount, database_dsn: str) -> AsyncIterator[Host]:
    bus = await Bus.connect(nats_account.url)
    await provision_bells(bus)
    await make_tower(bus)
    await bus.close()
    settings = Settings(nats_url=nats_account.url, database_url=database_dsn, port=0)
    async with running_host(replace(program_of(Bells()), facts=[Facts("CRM_TOWER")]), settings) as host:
        await until(lambda: host.bus.connected)
        yield host


@pytest.fixture
async def client(host: Host) -> AsyncIterator[httpx.AsyncClient]:
    token = await create_token(await host.bus.kv("tokens"), "op", ["operator"], now=SystemClock().now())
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(build_app([host]))
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client


async def test_readers_are_listed_with_their_positions(host: Host, client: httpx.AsyncClient) -> None:
    stream = next(iter(host.readers))
    await until(lambda: host.readers[stream].problem is None)
    rows = (await client.get(f"/api/{host.name}/readers")).json()
    assert [(row["stream"], row["problem"]) for row in rows] == [(stream, None)]


async def test_a_skip_moves_the_position_and_is_noted(host: Host, client: httpx.AsyncClient) -> None:
    stream = next(iter(host.readers))
    await until(lambda: host.readers[stream].problem is None)
    async with host.work() as work:
        work.emit(Rang(bell="a", number=1))
    await until(lambda: _unpublished(host, 0))
    last = (await host.bus.js.stream_info(stream)).state.last_seq
    answer = await client.post(
        f"/api/{host.name}/readers/{stream}/skip", json={"to": last, "reason": "restored"}
    )
    assert answer.json()["stands"] == last
    noted = await host.database.pool.fetch("SELECT did FROM journal")
    assert any(f"to {last}: restored" in row["did"] for row in noted)


async def test_what_has_not_come_in_cannot_be_passed_over(host: Host, client: httpx.AsyncClient) -> None:
    stream = next(iter(host.readers))
    await until(lambda: host.readers[stream].problem is None)
    last = (await host.bus.js.stream_info(stream)).state.last_seq
    wanted = {"to": last + 1_000_000, "reason": "restored"}
    answer = await client.post(f"/api/{host.name}/readers/{stream}/skip", json=wanted)
    assert (answer.status_code, answer.json()["field"]) == (422, "to")


async def test_a_stream_nobody_reads_is_named_with_those_that_are(
    host: Host, client: httpx.AsyncClient
) -> None:
    answer = await client.post(f"/api/{host.name}/readers/CRM_X/skip", json={"to": 1, "reason": "x"})
    assert answer.status_code == 404
    assert next(iter(host.readers)) in answer.json()["detail"]


async def test_what_was_published_is_published_again_in_order(host: Host, client: httpx.AsyncClient) -> None:
    async with host.work() as work:
        for number in (1, 2):
            work.emit(Rang(bell="a", number=number))
    await until(lambda: _unpublished(host, 0))
    await host.bus.js.purge_stream("CRM_TOWER")
    answer = await client.post(
        f"/api/{host.name}/outbox/publish-again", json={"since": "2020-01-01T00:00:00Z"}
    )
    assert answer.json() == {"facts": 2}
    await until(lambda: _unpublished(host, 0))


async def _unpublished(host: Host, count: int) -> bool:
    return count == await host.database.pool.fetchval(
        "SELECT count(*) FROM outbox WHERE published_at IS NULL"
    )
