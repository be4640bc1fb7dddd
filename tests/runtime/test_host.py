import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from services.runtime.auth import create_token
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from services.runtime.host import Host, run
from services.runtime.serving import AddressTaken
from services.runtime.settings import Settings
from services.runtime.web import build_app
from tests.runtime.bell_service import Bells, program_of, provision_bells, ring, running_host, send
from tests.support import databases
from tests.support.accounts import NatsAccount
from tests.support.databases import FLOOR
from tests.support.faults import PrivateEngines
from tests.support.wait import until

Start = Callable[..., Awaitable[PrivateEngines]]


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    bus = await Bus.connect(nats_account.url)
    await provision_bells(bus)
    yield bus
    await bus.close()


@pytest.fixture
def settings(nats_account: NatsAccount, database_dsn: str) -> Settings:
    return Settings(nats_url=nats_account.url, database_url=database_dsn, port=0)


@pytest.fixture
def bells() -> Bells:
    return Bells()


@pytest.fixture
async def host(bus: Bus, bells: Bells, settings: Settings) -> AsyncIterator[Host]:
    async with running_host(program_of(bells), settings) as host:
        await until(lambda: host.bus.connected)
        yield host


def client_of(*hosts: Host) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(build_app(hosts))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def operator(bus: Bus) -> dict[str, str]:
    token = await create_token(await bus.kv("tokens"), "op", ["operator"], now=SystemClock().now())
    return {"Authorization": f"Bearer {token}"}


async def ready(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/readyz")
    return {check["check"]: check["ok"] for check in answer.json()["checks"]} | {"ready": answer.is_success}


async def test_a_timer_set_over_http_fires_at_once(bus: Bus, host: Host, bells: Bells) -> None:
    headers = await operator(bus)
    async with client_of(host) as client:
        assert (await client.post(f"/api/{FLOOR}/ropes/great")).status_code == 401
        assert (await client.post(f"/api/{FLOOR}/ropes/great", headers=headers)).status_code == 200
    await until(lambda: bells.rung == [("great", -1)])


async def test_a_loop_that_fails_is_started_again(bus: Bus, bells: Bells, settings: Settings) -> None:
    bells.loop_failures = 2
    async with running_host(program_of(bells), settings) as host:
        await until(lambda: bells.loops_begun == 3)
        await send(bus, ring("great", 1))
        await until(lambda: bells.rung)
        assert not host.failing


async def test_when_all_is_well_it_is_ready_and_says_so(host: Host) -> None:
    async with client_of(host) as client:
        await until(lambda: host.definitions and host.definitions.loaded.is_set())
        await until(lambda: host.command_problem is None)
        assert (await client.get("/livez")).status_code == 200
        assert all((await ready(client)).values())
        assert "leadwire_check_ok" in (await client.get("/metrics")).text


async def test_parked_commands_are_listed_redriven_and_discarded(bus: Bus, host: Host, bells: Bells) -> None:
    headers = await operator(bus)
    await send(bus, ring("great", 1, "never"), ring("great", 2, "never"), ring("great", 3))
    async with client_of(host) as client:
        client.headers.update(headers)
        dead = f"/api/{FLOOR}/dead"

        async def listed() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = (await client.get(dead)).json()["items"]
            return items if len(items) == 3 else []

        first, second, _ = [row["id"] for row in await until(listed)]
        counted = (await client.get("/metrics")).text
        assert f'leadwire_parked{{recovery="person",service="{FLOOR}"}} 1.0' in counted
        assert f'leadwire_parked{{recovery="behind",service="{FLOOR}"}} 2.0' in counted
        shown = (await client.get(f"{dead}/{first}")).json()
        assert (shown["key"], shown["reason"]) == ("great", "no such bell")
        assert '"number":1' in shown["body"]

        again = (await client.post(f"{dead}/{first}/redrive")).json()
        assert again == {"result": "still parked: no such bell"}
        bells.cured.add(1)
        assert (await client.post(f"{dead}/{first}/redrive")).json() == {"result": "handled"}
        await until(lambda: bells.tried.count(2) == 1)
        discarded = await client.post(f"{dead}/{second}/discard", json={"reason": "a test"})
        assert discarded.json() == {"result": "discarded"}
        await until(lambda: bells.rung == [("great", 1), ("great", 3)])
        missing = await client.post(f"{dead}/{second}/redrive")
        assert (missing.status_code, missing.json()["field"]) == (404, "row_id")
        assert (await client.get(dead, headers={"Authorization": ""})).status_code == 401


async def test_two_programs_share_one_process_and_one_bus(bus: Bus, settings: Settings) -> None:
    one, other = program_of(Bells()), program_of(Bells())
    other.name, other.commands, other.inlet = "clock", None, None
    connection = Bus(settings.nats_url.get_secret_value())
    hosts = [await Host.create(program, settings, connection) for program in (one, other)]
    async with client_of(*hosts) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert (await client.post("/in/rope")).status_code == 200
    assert {f"/api/{FLOOR}/dead", "/api/clock/dead"} <= set(paths)
    for host in hosts:
        await host.stop()


async def test_the_inlet_is_ready_with_the_database_away_and_all_goes_on_after_it(
    private_engines: Start, bells: Bells
) -> None:
    engines = await private_engines()
    bus = await Bus.connect(engines.account().url)
    await provision_bells(bus)
    async with databases.fresh(engines, []) as dsn:
        await engines.kill_postgres()
        settings = Settings(nats_url=bus.url, database_url=dsn)
        async with running_host(program_of(bells), settings) as host, client_of(host) as client:

            async def inlet_is_up() -> bool:
                found = await ready(client)
                return bool(found["ready"]) and not found["database"]

            await until(inlet_is_up)
            assert (await client.post("/in/rope")).json() == {"loaded": True}
            await send(bus, ring("great", 1))
            await engines.restart_postgres()
            await until(lambda: bells.rung, within=30)
    await bus.close()


async def test_it_starts_although_the_bus_is_away(private_engines: Start, bells: Bells) -> None:
    engines = await private_engines()
    bus = await Bus.connect(engines.account().url)
    await provision_bells(bus)
    await send(bus, ring("great", 1))
    await engines.kill_nats()
    async with databases.fresh(engines, []) as dsn:
        settings = Settings(nats_url=bus.url, database_url=dsn)
        async with running_host(program_of(bells), settings) as host, client_of(host) as client:
            assert (await ready(client))["ready"] is False
            assert (await client.get("/livez")).status_code == 200
            await engines.restart_nats()
            await until(lambda: bells.rung, within=30)

            async def is_ready() -> Any:
                return (await ready(client))["ready"]

            await until(is_ready)
    await bus.close()


async def test_a_revoked_connection_fails_liveness(bus: Bus, host: Host) -> None:
    await until(host.bus.opened.is_set)
    await host.bus.nc.close()
    async with client_of(host) as client:
        assert (await client.get("/livez")).status_code == 503


async def test_a_signal_ends_the_process_after_the_transaction_under_way(
    bus: Bus, settings: Settings
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    program = program_of(bells := Bells())
    commit_seen: list[str] = []

    async def slow(host: Host) -> None:
        async with host.work() as work:
            begun.set()
            await go_on.wait()
            work.note("swung")
        commit_seen.append("swung")

    program.loops = {"slow": slow}
    listening: list[int] = []

    async def started(_hosts: Any, port: int) -> None:
        listening.append(port)

    task = asyncio.create_task(run([program], settings, started=started))
    await until(begun.is_set)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listening[0]}") as client:

        async def answers() -> bool:
            return (await client.get("/livez")).is_success

        await until(answers)
    os.kill(os.getpid(), signal.SIGTERM)

    async def refused() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", listening[0])) != 0

    await until(refused)
    assert not task.done()
    go_on.set()
    await asyncio.wait_for(task, 20)
    assert commit_seen == ["swung"]
    assert bells.loops_begun == 0


async def test_a_port_that_is_taken_names_the_remedy(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressTaken, match="LEADWIRE_PORT"):
            await run([program_of(Bells())], settings.model_copy(update={"port": port}))
