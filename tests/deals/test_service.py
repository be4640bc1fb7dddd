"""deals as a whole, on a real bus and a real database."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from contracts.deals import DealMoved, DealOpened, TaskCreated
from contracts.notifications import EnrolContact
from services.runtime.bus import Bus
from services.runtime.cause import Cause
from services.runtime.database import Database
from services.runtime.work import Work
from tests.deals.running import Running, activate, provisioned, running
from tests.deals.samples import NOW, captured, lead_merged, merged, name, one_funnel, rules, touched
from tests.deals.stage import Stage, received
from tests.deals.test_follow import message_sent
from tests.support.accounts import NatsAccount
from tests.support.wait import until


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    async with provisioned(nats_account.url) as bus:
        yield bus


@pytest.fixture
async def deals(bus: Bus, database_dsn: str) -> AsyncIterator[Running]:
    async with running(bus, database_dsn) as deals:
        yield deals


async def test_from_lead_to_task_and_sequence(deals: Running) -> None:
    await deals.tell(captured(), correlation="delivery-1")
    (opened,) = await until(lambda: deals.said(DealOpened))
    await deals.settled()
    assert (opened.data["funnel"], opened.data["stage"], opened.entityversion) == ("reach", "new", 1)
    (created,) = await deals.said(TaskCreated)
    (enrol,) = await deals.said(EnrolContact)
    assert {one.correlationid for one in (opened, created, enrol)} == {"delivery-1"}
    assert enrol.data["sequence"] == "welcome"


async def test_a_fact_that_comes_twice_changes_the_state_once(deals: Running) -> None:
    event_id = str(uuid.uuid4())
    for _ in range(3):
        await deals.tell(captured(), event_id=event_id)
    await deals.tell(captured())
    await deals.settled()
    assert len(await deals.rows("SELECT * FROM deals")) == 1
    assert len(await deals.rows("SELECT * FROM tasks")) == 1
    assert len(await deals.said(DealOpened)) == 1


async def test_what_was_committed_is_published_after_a_crash(bus: Bus, database_dsn: str) -> None:
    database = await Database.connect(database_dsn, "deals")
    stage = Stage(database)
    await stage.tell(captured())
    assert await stage.value("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 3
    await database.close()
    async with running(bus, database_dsn) as deals:
        await until(lambda: deals.said(DealOpened))
        await deals.settled()
        assert len(await deals.said(EnrolContact)) == 1


async def test_work_that_crashed_before_the_commit_is_done_again_alike(deals: Running) -> None:
    fact = received(captured(), 1)
    ids: list[uuid.UUID] = []
    for _ in range(2):
        async with deals.host.database.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            work = Work(connection, group="deals", now=NOW, cause=Cause(fact.event_id, "c"))
            from services.deals.usecases.follow import follow

            await follow([fact], work, rules())
            await work.flush()
            ids.append(await connection.fetchval("SELECT id FROM deals"))
            await transaction.rollback()
    assert ids[0] == ids[1]


async def test_a_reply_moves_the_deal_and_a_message_does_too(deals: Running) -> None:
    await deals.tell(captured(), touched(first=True))
    await deals.settled()
    await deals.tell(message_sent())
    await deals.settled()
    await deals.tell(touched())
    await until(lambda: deals.said(DealMoved))
    await deals.settled()
    moves = [(one.data["from_stage"], one.data["to_stage"]) for one in await deals.said(DealMoved)]
    assert moves == [("new", "contacted"), ("contacted", "talking")]


async def test_timers_fire_by_the_clock_given(deals: Running) -> None:
    await deals.tell(captured())
    await deals.settled()
    await deals.pass_time(timedelta(days=2))
    await until(lambda: deals.rows("SELECT 1 FROM tasks WHERE title = 'Nobody has answered'"))
    await deals.pass_time(timedelta(days=5))
    moved = await until(lambda: deals.said(DealMoved))
    assert (moved[0].data["status"], moved[0].data["reason"]) == ("lost", "rule after-1w")


async def test_merged_leads_leave_one_deal(deals: Running) -> None:
    await deals.tell(captured("older", "one"))
    await deals.tell(captured("younger", "two", captured_at=NOW + timedelta(minutes=1)))
    await deals.tell(merged("one", "two"), lead_merged("younger", into="older", contact="one"))
    await deals.tell(touched("two"))
    await deals.settled()
    rows = {row["lead_id"]: row for row in await deals.rows("SELECT * FROM deals")}
    assert (rows[name("older")]["stage"], rows[name("older")]["status"]) == ("talking", "open")
    assert rows[name("younger")]["status"] == "merged"


async def test_no_lead_is_routed_before_the_definitions_are_known(bus: Bus, database_dsn: str) -> None:
    for number in range(3):
        async with running(bus, database_dsn) as deals:
            await deals.tell(captured(f"lead {number}"))
    async with running(bus, database_dsn) as deals:
        await deals.settled()
        assert {row["funnel"] for row in await deals.rows("SELECT * FROM deals")} == {"reach"}


async def test_the_hub_can_ask_how_many_deals_stand_where(deals: Running) -> None:
    await deals.tell(captured("one"), captured("two", channel="partner"))
    await deals.settled()
    counts = await deals.bus.request("ask.deals.in_flight.v1", {})
    assert counts == {"funnels": {"reach": {"new": 1}, "partners": {"new": 1}}}


async def test_a_deal_is_traced_by_its_own_id_its_lead_and_its_task(deals: Running) -> None:
    await deals.tell(captured(), correlation="delivery-1")
    await deals.settled()
    (deal,) = await deals.rows("SELECT id, lead_id FROM deals")
    (task,) = await deals.rows("SELECT id FROM tasks")
    for one in (deal["id"], deal["lead_id"], task["id"]):
        found = await deals.bus.request("ask.deals.trace.v1", {"resolve": [str(one)]})
        assert found["correlations"] == ["delivery-1"]
        assert {str(deal["id"]), str(deal["lead_id"])} <= set(found["names"])
    told = await deals.bus.request("ask.deals.trace.v1", {"correlations": ["delivery-1"]})
    assert [entry["did"] for entry in told["entries"]][:2] == ["opened deal in reach/new", "created task"]
    assert {timer["rule"] for timer in told["timers"]} == {
        "after-2d in reach/new",
        "after-1w in reach/new",
    }


async def test_new_definitions_take_hold_without_a_restart(deals: Running) -> None:
    await deals.tell(captured())
    await deals.settled()
    await activate(deals.bus, one_funnel({"name": "start"}), "v2")

    async def is_missing() -> bool:
        page = (await deals.http.get("/deals")).json()
        return bool(page["deals"][0]["stage_missing"])

    await until(is_missing)
    await deals.tell(captured("later"))
    await deals.settled()
    rows = {row["lead_id"]: row["stage"] for row in await deals.rows("SELECT * FROM deals")}
    assert rows == {name("lead"): "new", name("later"): "start"}
