"""Deliveries set aside and released, at a running service: nothing is lost and nothing is said twice."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.runtime.bus import Bus
from tests.connectors.running import Service, activate, running
from tests.connectors.stage import SITE
from tests.support.accounts import NatsAccount

GUARD = {"per_sender": "2 in 1440 minutes", "per_channel": "off", "words": ["casino"]}
CHANNELS: dict[str, Any] = {"site": {**SITE, "guard": GUARD}}


@pytest.fixture
async def service(bus: Bus, nats_account: NatsAccount, database_dsn: str) -> AsyncIterator[Service]:
    await activate(bus, CHANNELS)
    async with running(nats_account, database_dsn, intake_rate=10) as service:
        await service.define(CHANNELS)
        yield service


async def released(service: Service, delivery: str | None, role: str = "marketing") -> tuple[int, Any]:
    headers = await service.as_role(role)
    wanted = {"delivery": delivery}
    answer = await service.http.post("/api/connectors/channels/site/release", json=wanted, headers=headers)
    return answer.status_code, answer.json()


async def test_what_is_set_aside_is_answered_the_same_and_published_when_released(service: Service) -> None:
    bodies = ["tel=1&text=casino", "tel=2", "tel=3", "tel=4&your-name=" + "x" * 600_000, "tel=5"]
    answers = [await service.post("site", body, accept="text/html") for body in bodies]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    held = await service.judged(4, verdict="quarantined")
    assert len(await service.facts(1)) == 1
    assert sum("from one network address" in row["reason"] for row in held) == 3
    [word] = [row for row in held if "casino" in row["reason"]]
    assert (await released(service, word["id"], "viewer"))[0] == 403
    done = {"released": 1, "published": 1, "failed": 0, "missing": 0}
    assert await released(service, word["id"]) == (200, done)
    status, problem = await released(service, word["id"])
    assert (status, problem["field"]) == (404, "delivery")
    assert await released(service, None) == (200, {**done, "released": 3, "published": 3})
    assert await released(service, None) == (200, {**done, "released": 0, "published": 0})
    facts = await service.facts(5)
    assert len({fact.data["interaction_id"] for fact in facts}) == len(facts) == 5
    assert {row["verdict"] for row in await service.deliveries()} == {"accepted"}


async def test_a_flood_is_refused_and_the_script_is_served(service: Service) -> None:
    posts = (service.post("site", f"tel={n}") for n in range(20))
    answers = await asyncio.gather(*posts)
    away = [answer for answer in answers if answer.status_code == 429]
    assert len(away) in (9, 10)
    assert all(1 <= int(answer.headers["retry-after"]) <= 6 for answer in away)
    assert "send it again" in away[0].text
    script = await service.http.get("/in/form.js")
    assert script.headers["content-length"] == str(len(script.content))
    again = await service.http.get("/in/form.js", headers={"if-none-match": script.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
