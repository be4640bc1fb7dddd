"""People qualify and close leads."""

import asyncio
from uuid import UUID

import pytest

from contracts.deals import DealMoved
from contracts.leads import ContactTouched, LeadSettled
from services.leads.errors import Refused, Unknown
from services.leads.usecases.note_deals import note_deals
from services.leads.usecases.settle_lead import settle_lead
from tests.leads.stage import BEGIN, Stage, interaction, of_type
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


async def _deal(stage: Stage, lead: UUID, status: str) -> None:
    move = {"funnel": "reach", "from_stage": "new", "to_stage": "other", "reason": "anna", "version": 2}
    moved = DealMoved(
        **move, deal_id=UUID(int=1), contact_id=UUID(int=2), lead_id=lead, status=status, moved_at=BEGIN
    )
    async with stage.work() as work:
        await note_deals([moved], work)


async def _attached(stage: Stage, number: int, *identities: tuple[str, str]) -> UUID:
    """The lead that the next touch belongs to."""
    await stage.log(interaction(number, *identities or [("telegram", "1")]))
    found: UUID = await stage.value("SELECT lead_id FROM interactions ORDER BY n DESC LIMIT 1")
    return found


async def test_touches_go_on_with_a_qualified_lead_until_its_deal_is_closed(stage: Stage) -> None:
    lead = await _attached(stage, 1)
    await _settle(stage, lead, "qualified")
    assert await _attached(stage, 2) == lead
    await _deal(stage, lead, "open")
    assert await _attached(stage, 3) == lead
    touches = of_type(await stage.published(), ContactTouched)
    assert [touch.data["first"] for touch in touches] == [True, False, False]
    await _deal(stage, lead, "won")
    new = await _attached(stage, 4)
    assert new != lead
    assert await stage.value("SELECT status FROM leads WHERE id = $1", new) == "open"


async def test_a_deal_that_is_open_again_takes_touches_again_unless_there_is_an_open_lead(
    stage: Stage,
) -> None:
    lead = await _attached(stage, 1)
    await _settle(stage, lead, "qualified")
    await _deal(stage, lead, "lost")
    await _deal(stage, lead, "open")
    assert await _attached(stage, 2) == lead
    await _deal(stage, lead, "lost")
    new = await _attached(stage, 3)
    await _deal(stage, lead, "open")
    assert await _attached(stage, 4) == new


async def test_a_merge_leaves_a_qualified_lead_alone_and_the_open_one_goes_on(stage: Stage) -> None:
    stage.rules = RULES
    qualified = await _attached(stage, 1)
    await _settle(stage, qualified, "qualified")
    still_open = await _attached(stage, 2, ("telegram", "2"))
    assert await _attached(stage, 3, ("telegram", "1"), ("telegram", "2")) == still_open
    rows = await stage.rows("SELECT id, status FROM leads ORDER BY captured_at")
    assert rows == [{"id": qualified, "status": "qualified"}, {"id": still_open, "status": "open"}]
    assert await _open_leads(stage) == 1


async def test_an_outcome_is_told_once(stage: Stage) -> None:
    lead = await _attached(stage, 1)
    await _settle(stage, lead, "closed", "wanted something else")
    await _settle(stage, lead, "closed", "again")
    (told,) = of_type(await stage.published(), LeadSettled)
    assert (told.data["lead_id"], told.data["status"]) == (str(lead), "closed")
    assert told.data["reason"] == "wanted something else"


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
