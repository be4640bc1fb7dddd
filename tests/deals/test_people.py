"""People move deals and complete tasks."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from contracts.deals import DealMoved
from contracts.notifications import EnrolContact
from services.deals.domain.deal import Deal
from services.deals.errors import (
    DealChanged,
    DealMerged,
    DealNotFound,
    FunnelUnknown,
    StageUnknown,
    TaskDropped,
    TaskNotFound,
)
from services.deals.store.tasks import Task
from services.deals.usecases.complete_task import complete_task
from services.deals.usecases.move_deal import move_deal
from tests.deals.samples import captured, lead_merged, merged, name, touched
from tests.deals.stage import Stage


async def move(stage: Stage, deal_id: UUID, **how: Any) -> Deal:
    wanted = {"to": "talking", "funnel": None, "version": 1, "by": "anna", **how}
    async with stage.work() as work:
        return await move_deal(work, stage.rules, deal_id, **wanted)


async def complete(stage: Stage, task_id: UUID) -> Task:
    async with stage.work() as work:
        return await complete_task(work, task_id, by="anna")


@pytest.fixture
async def deal_id(stage: Stage) -> UUID:
    await stage.tell(captured())
    found: UUID = (await stage.deal_of(name("lead")))["id"]
    return found


async def test_a_person_moves_a_deal_and_the_stage_rules_follow(stage: Stage, deal_id: UUID) -> None:
    moved = await move(stage, deal_id)
    assert (moved.stage, moved.version) == ("talking", 2)
    (fact,) = await stage.published(DealMoved)
    row = await stage.deal_of(name("lead"))
    assert (fact.data["reason"], fact.correlationid) == ("anna", row["correlation"])
    assert await stage.value("SELECT count(*) FROM tasks") == 2
    assert await stage.rows("SELECT * FROM timers") == []
    await move(stage, deal_id, to="won", version=2)
    assert (await stage.deal_of(name("lead")))["status"] == "won"
    sequences = [one.data["sequence"] for one in await stage.published(EnrolContact)]
    assert sequences == ["welcome", "thanks"]


async def test_the_journal_does_not_tell_who_it_was(stage: Stage, deal_id: UUID) -> None:
    await move(stage, deal_id, by="Anna Petrova")
    assert "moved new -> talking by a person" in await stage.journal()
    history = await stage.rows("SELECT reason FROM stage_history ORDER BY entry")
    assert history[1]["reason"] == "Anna Petrova"


async def test_whoever_comes_second_is_told(stage: Stage, deal_id: UUID) -> None:
    await stage.tell(touched())
    with pytest.raises(DealChanged) as refused:
        await move(stage, deal_id, to="won")
    assert refused.value.version == 2


async def test_of_many_at_once_one_moves_the_deal(stage: Stage, deal_id: UUID) -> None:
    moves = (move(stage, deal_id, to=to) for to in ("talking", "trial", "won", "lost") * 3)
    results = await asyncio.gather(*moves, return_exceptions=True)
    assert len([one for one in results if isinstance(one, Deal)]) == 1
    assert len([one for one in results if isinstance(one, DealChanged)]) == 11
    assert await stage.value("SELECT count(*) FROM stage_history") == 2


async def test_people_rules_and_merges_at_once_do_not_get_in_each_others_way(stage: Stage) -> None:
    leads = [f"lead {n}" for n in range(12)]
    await stage.tell(*(captured(lead, lead) for lead in leads))
    deals = [(await stage.deal_of(name(lead)))["id"] for lead in leads]
    await asyncio.gather(
        *(move(stage, deal, to="trial") for deal in deals),
        stage.tell(*(touched(lead) for lead in leads)),
        stage.tell(*(merged("survivor", lead) for lead in leads)),
        return_exceptions=True,
    )
    rows = await stage.rows("SELECT * FROM deals")
    assert {row["contact_id"] for row in rows} == {name("survivor")}
    assert {row["stage"] for row in rows} <= {"talking", "trial"}
    assert await stage.value("SELECT count(*) FROM stage_history") == sum(row["entry"] for row in rows)


async def test_moving_a_deal_to_where_it_stands_changes_nothing(stage: Stage, deal_id: UUID) -> None:
    before = await stage.state()
    assert (await move(stage, deal_id, to="new")).version == 1
    assert await stage.state() == before


async def test_a_deal_can_go_to_another_funnel(stage: Stage, deal_id: UUID) -> None:
    moved = await move(stage, deal_id, funnel="partners", to="new")
    assert (moved.funnel, moved.stage, moved.entry) == ("partners", "new", 2)
    assert "moved reach/new -> partners/new by a person" in await stage.journal()


async def test_what_does_not_exist_is_told(stage: Stage, deal_id: UUID) -> None:
    with pytest.raises(StageUnknown) as stage_unknown:
        await move(stage, deal_id, to="tallking")
    assert "talking" in stage_unknown.value.known
    with pytest.raises(FunnelUnknown):
        await move(stage, deal_id, funnel="nope")
    with pytest.raises(DealNotFound):
        await move(stage, name("nobody"))
    with pytest.raises(TaskNotFound):
        await complete(stage, name("nobody"))


async def test_a_merged_deal_stays_where_it_is(stage: Stage) -> None:
    await stage.tell(captured("older"), captured("younger"))
    await stage.tell(lead_merged("younger", into="older"))
    ended = (await stage.rows("SELECT * FROM deals WHERE status = 'merged'"))[0]
    with pytest.raises(DealMerged):
        await move(stage, ended["id"], version=2)
    (task,) = await stage.rows("SELECT id FROM tasks WHERE status = 'dropped'")
    with pytest.raises(TaskDropped):
        await complete(stage, task["id"])


async def test_a_task_is_completed_once(stage: Stage, deal_id: UUID) -> None:
    (task,) = await stage.rows("SELECT id FROM tasks")
    done = await complete(stage, task["id"])
    assert (done.status, done.closed_by, done.closed_at) == ("done", "anna", stage.now)
    noted = await stage.journal()
    assert await complete(stage, task["id"]) == done
    assert await stage.journal() == noted
