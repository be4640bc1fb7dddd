"""People qualify and close leads."""

import asyncio
from uuid import UUID

import pytest

from services.leads.errors import Refused, Unknown
from services.leads.usecases.settle_lead import settle_lead
from tests.leads.stage import Stage, interaction
from tests.leads.test_sets import RULES


async def _settle(stage: Stage, lead: UUID, status: str, reason: str | None = None) -> None:
    async with stage.work() as work:
        await settle_lead(lead, status, work, reason=reason)  # type: ignore[arg-type]


async def _lead(stage: Stage) -> UUID:
    found: UUID = await stage.value("SELECT id FROM leads ORDER BY captured_at DESC LIMIT 1")
    return found


async def _open_leads(stage: Stage) -> int:
    count: int = await stage.value("SELECT sum(open_leads)::int FROM team_members")
    return count


async def test_a_settled_lead_frees_its_owner_and_the_next_touch_is_a_new_lead(stage: Stage) -> None:
    stage.rules = RULES
    await stage.log(interaction(1, ("telegram", "1")))
    assert await _open_leads(stage) == 1
    lead = await _lead(stage)
    await _settle(stage, lead, "closed", "wanted something else")
    await _settle(stage, lead, "closed", "again")
    assert await _open_leads(stage) == 0
    (row,) = await stage.rows("SELECT status, reason, settled_at FROM leads")
    assert (row["status"], row["reason"]) == ("closed", "wanted something else")
    assert row["settled_at"] is not None
    await stage.log(interaction(2, ("telegram", "1")))
    assert await _lead(stage) != lead
    (note,) = await stage.rows("SELECT correlation, did FROM journal WHERE did LIKE '%by a person'")
    assert note == {"correlation": "delivery-1", "did": "the lead was closed by a person"}


async def test_an_outcome_may_be_changed(stage: Stage) -> None:
    await stage.log(interaction(1, ("telegram", "1")))
    lead = await _lead(stage)
    await _settle(stage, lead, "qualified")
    await _settle(stage, lead, "closed")
    assert await stage.value("SELECT status FROM leads") == "closed"


async def test_a_merged_lead_points_to_the_one_that_goes_on(stage: Stage) -> None:
    await stage.log(interaction(1, ("telegram", "1")), interaction(2, ("telegram", "2")))
    ended = await _lead(stage)
    await stage.log(interaction(3, ("telegram", "1"), ("telegram", "2")))
    with pytest.raises(Refused) as refused:
        await _settle(stage, ended, "closed")
    kept = await stage.value("SELECT id FROM leads WHERE status = 'open'")
    assert str(kept) in str(refused.value.remedy)
    with pytest.raises(Unknown):
        await _settle(stage, UUID(int=1), "closed")


async def test_settling_while_touches_come_in_loses_none(stage: Stage) -> None:
    stage.rules = RULES
    for turn in range(5):
        numbers = range(turn * 10, turn * 10 + 10)
        await stage.log(interaction(1000 + turn, ("telegram", "1")))
        lead = await _lead(stage)
        await asyncio.gather(
            _settle(stage, lead, "qualified"),
            *(stage.log(interaction(number, ("telegram", "1"))) for number in numbers),
        )
    assert await stage.value("SELECT count(*) FROM interactions WHERE lead_id IS NOT NULL") == 55
    still_open = await stage.value("SELECT count(*) FROM leads WHERE status = 'open'")
    assert still_open <= 1
    assert await _open_leads(stage) == still_open
