"""The HTTP API of deals."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.runtime.bus import Bus
from tests.deals.running import Running, provisioned, running
from tests.deals.samples import captured, lead_merged, name, touched
from tests.support.accounts import NatsAccount
from tests.support.wait import until


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    async with provisioned(nats_account.url) as bus:
        yield bus


@pytest.fixture
async def deals(bus: Bus, database_dsn: str) -> AsyncIterator[Running]:
    """With three leads told."""
    async with running(bus, database_dsn) as deals:
        await deals.tell(*(captured(f"lead {n}", f"contact {n}") for n in range(3)))
        await deals.settled()
        yield deals


async def all_deals(deals: Running, **query: Any) -> list[dict[str, Any]]:
    answer = await deals.http.get("/deals", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["deals"]
    return found


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["detail"]
    return body


async def test_deals_come_in_pages(deals: Running) -> None:
    first = (await deals.http.get("/deals", params={"limit": 2})).json()
    rest = (await deals.http.get("/deals", params={"limit": 2, "cursor": first["next"]})).json()
    assert len(first["deals"]) == 2
    assert rest["next"] is None
    ids = {deal["id"] for page in (first, rest) for deal in page["deals"]}
    assert len(ids) == 3


async def test_filters_narrow_the_list_down(deals: Running) -> None:
    (one,) = await all_deals(deals, contact=str(name("contact 1")))
    assert one["lead_id"] == str(name("lead 1"))
    assert len(await all_deals(deals, funnel="reach", stage="new", owner="anna", status="open")) == 3
    assert await all_deals(deals, stage="talking") == []


async def test_a_deal_is_shown_with_its_way_and_its_tasks(deals: Running) -> None:
    (deal, *_) = await all_deals(deals)
    answer = await deals.http.get(f"/deals/{deal['id']}", headers=deals.bearer("viewer"))
    whole = answer.json()
    assert [entry["to_stage"] for entry in whole["history"]] == ["new"]
    assert [task["title"] for task in whole["tasks"]] == ["Call back"]
    assert whole["stage_missing"] is False


async def test_a_deal_is_moved_once_at_each_version(deals: Running) -> None:
    (deal, *_) = await all_deals(deals)
    path = f"/deals/{deal['id']}/move"
    sales = deals.bearer("sales")
    moved = await deals.http.post(path, json={"to": "trial", "version": 1}, headers=sales)
    assert (moved.json()["stage"], moved.json()["version"]) == ("trial", 2)
    told = problem(await deals.http.post(path, json={"to": "won", "version": 1}), 409)
    assert (told["field"], "version 2" in told["detail"]) == ("version", True)
    whole = (await deals.http.get(f"/deals/{deal['id']}")).json()
    assert [entry["reason"] for entry in whole["history"]] == ["lead captured", "sales"]


async def test_moves_that_cannot_be_are_told_with_a_remedy(deals: Running) -> None:
    (deal, *_) = await all_deals(deals)
    path = f"/deals/{deal['id']}/move"
    told = problem(await deals.http.post(path, json={"to": "tallking", "version": 1}), 422)
    assert (told["field"], "talking" in told["remedy"]) == ("to", True)
    told = problem(await deals.http.post(path, json={"to": "new", "version": 1, "funnel": "nope"}), 422)
    assert told["field"] == "funnel"
    problem(await deals.http.post(f"/deals/{uuid4()}/move", json={"to": "won", "version": 1}), 404)
    problem(await deals.http.get(f"/deals/{uuid4()}"), 404)
    odd: list[Any] = [{}, {"to": "won"}, {"to": "won", "version": 0}, {"to": "a\x00", "version": 1}, []]
    for body in odd:
        problem(await deals.http.post(path, json=body), 422)


async def test_a_merged_deal_cannot_be_moved(deals: Running) -> None:
    await deals.tell(lead_merged("lead 0", into="lead 1"))
    await deals.settled()
    (ended,) = await all_deals(deals, status="merged")
    answer = await deals.http.post(f"/deals/{ended['id']}/move", json={"to": "won", "version": 2})
    assert ended["merged_into"] in problem(answer, 409)["detail"]


async def test_tasks_are_listed_and_completed(deals: Running) -> None:
    page = (await deals.http.get("/tasks", params={"assignee": "anna", "open": True, "limit": 2})).json()
    assert len(page["tasks"]) == 2
    rest = (await deals.http.get("/tasks", params={"open": True, "cursor": page["next"]})).json()
    assert (len(rest["tasks"]), rest["next"]) == (1, None)
    path = f"/tasks/{page['tasks'][0]['id']}/complete"
    for _ in range(2):
        done = (await deals.http.post(path, headers=deals.bearer("sales"))).json()
        assert (done["status"], done["closed_by"]) == ("done", "sales")
    closed = (await deals.http.get("/tasks", params={"open": False})).json()
    assert [task["id"] for task in closed["tasks"]] == [page["tasks"][0]["id"]]
    problem(await deals.http.post(f"/tasks/{uuid4()}/complete"), 404)


async def test_a_task_that_was_dropped_cannot_be_completed(deals: Running) -> None:
    await deals.tell(lead_merged("lead 0", into="lead 1"))
    await deals.settled()
    (task,) = (await deals.http.get("/tasks", params={"open": False})).json()["tasks"]
    problem(await deals.http.post(f"/tasks/{task['id']}/complete"), 409)


async def test_looking_is_for_all_and_changing_for_sales(deals: Running) -> None:
    (deal, *_) = await all_deals(deals)
    viewer = deals.bearer("viewer")
    assert (await deals.http.get("/deals", headers=viewer)).status_code == 200
    body = {"to": "won", "version": 1}
    problem(await deals.http.post(f"/deals/{deal['id']}/move", json=body, headers=viewer), 403)
    nobody = {"Authorization": "Bearer lw_nobody"}
    for path in ("/deals", f"/deals/{deal['id']}", "/tasks"):
        problem(await deals.http.get(path, headers=nobody), 401)
    problem(await deals.http.post(f"/deals/{deal['id']}/move", json=body, headers=nobody), 401)


async def test_odd_queries_are_refused(deals: Running) -> None:
    odd: list[dict[str, Any]] = [
        *({"cursor": cursor} for cursor in ("nonsense", "WyJ4IiwgInkiXQ==", "W10=", "ë", "")),
        {"limit": 0},
        {"funnel": "a\x00b"},
        {"owner": "a\x00b"},
        {"contact": "me"},
        {"status": "gone"},
    ]
    for query in odd:
        problem(await deals.http.get("/deals", params=query), 422)


async def test_a_reply_shows_at_once_in_the_api(deals: Running) -> None:
    await deals.tell(touched("contact 2"))
    talking = await until(lambda: all_deals(deals, stage="talking"))
    assert talking[0]["lead_id"] == str(name("lead 2"))


async def test_every_answer_is_described_with_an_example(deals: Running) -> None:
    described = (await deals.http.get("http://deals/openapi.json")).json()
    paths = {path: how for path, how in described["paths"].items() if path.startswith("/api/deals/")}
    assert {"/api/deals/deals", "/api/deals/deals/{deal_id}/move", "/api/deals/tasks"} <= set(paths)
    schemas = described["components"]["schemas"]
    for body in ("DealBody", "WholeDealBody", "TaskBody", "MoveBody", "HistoryBody"):
        assert schemas[body]["examples"], body
    for body in ("DealBody", "TaskBody", "HistoryBody", "MoveBody"):
        shown = set(schemas[body]["examples"][0])
        assert set(schemas[body]["required"]) <= shown <= set(schemas[body]["properties"])
