from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI

from services.runtime.auth import (
    Caller,
    FailureLimit,
    create_token,
    hashed,
    network,
    require,
    revoke_tokens,
    tokens,
)
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from services.runtime.provision import buckets, provision
from services.runtime.web import prepare
from tests.support.accounts import NatsAccount

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


class HandClock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    bus = await Bus.connect(nats_account.url)
    await provision(bus, buckets())
    yield bus
    await bus.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def client(bus: Bus, clock: HandClock) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    prepare(app, bus, clock)

    @app.get("/sold")
    async def sold(caller: Annotated[Caller, Depends(require("sales"))]) -> dict[str, str]:
        return {"by": caller.name}

    @app.get("/seen")
    async def seen(caller: Annotated[Caller, Depends(require("viewer"))]) -> dict[str, str]:
        return {"by": caller.name}

    transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_opens_what_its_role_allows(bus: Bus, client: httpx.AsyncClient) -> None:
    bucket = await bus.kv("tokens")
    token = await create_token(bucket, "ann", ["sales"], now=NOW)
    assert token.startswith("lw_")
    assert len(token) == 46
    assert (await client.get("/sold", headers=bearing(token))).json() == {"by": "ann"}
    assert (await client.get("/seen", headers=bearing(token))).status_code == 200


async def test_an_admin_may_everything_and_a_viewer_only_look(bus: Bus, client: httpx.AsyncClient) -> None:
    bucket = await bus.kv("tokens")
    admin = await create_token(bucket, "root", ["admin"], now=NOW)
    viewer = await create_token(bucket, "vic", ["viewer"], now=NOW)
    assert (await client.get("/sold", headers=bearing(admin))).status_code == 200
    refused = await client.get("/sold", headers=bearing(viewer))
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["remedy"]
    assert (await client.get("/seen", headers=bearing(viewer))).status_code == 200


@pytest.mark.parametrize("headers", [{}, bearing("lw_unknown"), {"Authorization": "Basic eA=="}])
async def test_without_a_known_token_nothing_opens(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    refused = await client.get("/sold", headers=headers)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_guessing_is_slowed_down_but_not_for_a_token_in_use(
    bus: Bus, client: httpx.AsyncClient, clock: HandClock
) -> None:
    token = await create_token(await bus.kv("tokens"), "ann", ["sales"], now=NOW)
    assert (await client.get("/sold", headers=bearing(token))).status_code == 200
    answers = [(await client.get("/sold", headers=bearing("lw_guess"))).status_code for _ in range(12)]
    assert answers == [401] * 10 + [429] * 2
    assert (await client.get("/sold", headers=bearing(token))).status_code == 200
    clock.at += timedelta(minutes=2)
    assert (await client.get("/sold", headers=bearing("lw_guess"))).status_code == 401


async def test_guesses_from_an_office_do_not_lock_out_a_colleague_with_a_token(
    bus: Bus, client: httpx.AsyncClient
) -> None:
    for _ in range(12):
        refused = await client.get("/sold", headers=bearing("lw_guess"))
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    token = await create_token(await bus.kv("tokens"), "new colleague", ["sales"], now=NOW)
    assert (await client.get("/sold", headers=bearing(token))).status_code == 200


async def test_who_sends_no_token_is_told_so_every_time(client: httpx.AsyncClient) -> None:
    answers = {(await client.get("/sold")).status_code for _ in range(20)}
    assert answers == {401}


async def test_a_token_short_enough_to_guess_is_not_registered(bus: Bus) -> None:
    with pytest.raises(ValueError, match="35 characters"):
        await create_token(await bus.kv("tokens"), "ann", ["sales"], now=NOW, token="lw_secret")


async def test_a_token_taken_back_stops_working_within_ten_seconds(
    bus: Bus, client: httpx.AsyncClient, clock: HandClock
) -> None:
    bucket = await bus.kv("tokens")
    token = await create_token(bucket, "ann", ["sales"], now=NOW)
    assert (await client.get("/sold", headers=bearing(token))).status_code == 200
    assert await revoke_tokens(bucket, "ann") == 1
    clock.at += timedelta(seconds=11)
    assert (await client.get("/sold", headers=bearing(token))).status_code == 401


async def test_the_bucket_holds_hashes_alone(bus: Bus) -> None:
    bucket = await bus.kv("tokens")
    token = await create_token(bucket, "ann", ["sales", "viewer"], now=NOW)
    (entry,) = await tokens(bucket)
    assert (entry.key, entry.name, entry.roles) == (hashed(token), "ann", ("sales", "viewer"))
    stored = await bucket.get(entry.key)
    assert token.encode() not in (stored.value or b"")


async def test_unknown_roles_are_refused(bus: Bus) -> None:
    bucket = await bus.kv("tokens")
    for roles in ([], ["emperor"]):
        with pytest.raises(ValueError, match="roles are"):
            await create_token(bucket, "ann", roles, now=NOW)
    with pytest.raises(ValueError, match="roles are"):
        require("emperor")


async def test_without_the_bus_the_answer_is_a_problem_to_try_again(nats_account: NatsAccount) -> None:
    app = FastAPI()
    prepare(app, Bus(nats_account.url), SystemClock())

    @app.get("/", dependencies=[Depends(require("viewer"))])
    async def root() -> None: ...

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/", headers=bearing("lw_any"))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_the_limit_refills_and_forgets() -> None:
    limit = FailureLimit()
    for _ in range(10):
        assert limit.wait("a", 0) == 0
        limit.failed("a", 0)
    assert limit.wait("a", 0) == pytest.approx(6)
    assert limit.wait("b", 0) == 0
    assert limit.wait("a", 6.1) == 0
    for number in range(20_000):
        limit.failed(str(number), 0)
    assert len(limit._spent) == 10_000


@pytest.mark.parametrize(
    ("address", "who"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8::/64"), (None, "unknown"), ("x", "unknown")],
)
def test_an_address_stands_for_its_network(address: str | None, who: str) -> None:
    assert network(address) == who
