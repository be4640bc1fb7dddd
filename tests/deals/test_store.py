"""Queries for people: pages, filters, counts, other names."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.deals.domain.deal import Deal
from services.deals.store import deals, listing, tasks
from tests.deals.samples import captured, lead_merged, merged, name, touched
from tests.deals.stage import Stage


async def page(on: Stage, /, **filters: Any) -> list[Deal]:
    known: dict[str, Any] = {
        **dict.fromkeys(("funnel", "stage", "owner", "status", "contact_id", "after")),
        "limit": 50,
    }
    async with on.database.pool.acquire() as connection:
        return await listing.page(connection, **(known | filters))


@pytest.fixture
async def five(stage: Stage) -> list[UUID]:
    """The leads of five deals, each opened a minute after the other."""
    leads = [name(f"lead {n}") for n in range(5)]
    for n in range(5):
        owner, channel = ("anna", "partner") if n == 0 else ("boris", "main-site")
        await stage.tell(captured(f"lead {n}", f"contact {n}", owner=owner, channel=channel))
        stage.now += timedelta(minutes=1)
    return leads


async def test_deals_come_in_pages_the_newest_first(stage: Stage, five: list[UUID]) -> None:
    first = await page(stage, limit=3)
    rest = await page(stage, limit=3, after=(first[-1].opened_at, first[-1].id))
    assert [deal.lead.id for deal in (*first, *rest)] == five[::-1]


async def test_filters_narrow_the_page_down(stage: Stage, five: list[UUID]) -> None:
    assert [deal.lead.id for deal in await page(stage, owner="anna")] == five[:1]
    assert [deal.lead.id for deal in await page(stage, funnel="partners")] == five[:1]
    await stage.tell(touched("contact 3"))
    assert [deal.lead.id for deal in await page(stage, stage="talking", status="open")] == [five[3]]
    assert await page(stage, status="won") == []
    last = (await page(stage))[-1]
    assert await page(stage, owner="anna", after=(last.opened_at, last.id)) == []


async def test_an_absorbed_contact_finds_the_deals_of_the_one_it_became(
    stage: Stage, five: list[UUID]
) -> None:
    await stage.tell(merged("contact 1", "contact 2"))
    found = await page(stage, contact_id=name("contact 2"))
    assert [deal.lead.id for deal in found] == [five[2], five[1]]


async def test_tasks_come_in_pages_the_earliest_due_first(stage: Stage, five: list[UUID]) -> None:
    async with stage.database.pool.acquire() as connection:
        first = await tasks.page(connection, None, None, None, 3)
        rest = await tasks.page(connection, None, None, (first[-1].due_at, first[-1].id), 3)
        assert len(first) == 3
        assert [task.due_at for task in (*first, *rest)] == sorted(task.due_at for task in (*first, *rest))
        assert len(await tasks.page(connection, "boris", True, None, 50)) == 4
        assert await tasks.page(connection, "anna", True, None, 50) == []
        await stage.tell(lead_merged("lead 4", into="lead 3"))
        assert [task.status for task in await tasks.page(connection, "boris", False, None, 50)] == ["dropped"]


async def test_a_deal_reads_back_as_it_was_written(stage: Stage) -> None:
    await stage.tell(captured(fields={"course": "b2", "times": ["mo", "we"]}, contact="absorbed"))
    await stage.tell(merged("survivor", "absorbed"))
    (deal,) = await page(stage)
    assert deal.lead.fields == {"course": "b2", "times": ["mo", "we"]}
    assert (deal.lead.contact_id, deal.contact_id) == (name("absorbed"), name("survivor"))
    async with stage.work() as work:
        assert await deals.lock(work.connection, [deal.id]) == [deal]


async def test_open_deals_are_counted_by_funnel_and_stage(stage: Stage, five: list[UUID]) -> None:
    await stage.tell(touched("contact 4"))
    await stage.tell(lead_merged("lead 2", into="lead 1"))
    async with stage.database.pool.acquire() as connection:
        assert await listing.in_flight(connection) == {
            "partners": {"new": 1},
            "reach": {"new": 2, "talking": 1},
        }


async def test_a_deal_answers_to_its_lead_and_its_tasks(stage: Stage) -> None:
    await stage.tell(captured())
    (deal,) = await page(stage)
    (task,) = await stage.rows("SELECT id FROM tasks")
    both = {str(deal.id), str(deal.lead.id)}
    async with stage.database.pool.acquire() as connection:
        for one in (deal.id, deal.lead.id, task["id"]):
            assert await listing.other_names(connection, one) == both
        assert await listing.other_names(connection, name("nobody")) == set()
