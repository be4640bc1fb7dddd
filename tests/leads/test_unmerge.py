"""Undoing a merge restores exactly what was, and keeps what came since."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from contracts.leads import ContactChanged, ContactMerged, ContactUnmerged, LeadReopened
from services.leads.errors import Refused, Unknown
from services.leads.usecases.merge_contacts import merge_contacts
from services.leads.usecases.settle_lead import settle_lead
from services.leads.usecases.unmerge_contacts import unmerge_contacts
from services.runtime.cause import Cause
from tests.leads.stage import Stage, interaction, of_type
from tests.leads.test_sets import RULES, histories
from tests.support.examples import examples
from tests.support.wait import until

PHONE, MAIL, CHAT = ("phone", "+79261234567"), ("email", "ivan@example.com"), ("telegram", "4711")


async def _merge(stage: Stage, survivor: UUID, absorbed: UUID, turn: int = 0) -> UUID:
    async with stage.work(Cause(f"merge {survivor} {absorbed} {turn}", "by-hand")) as work:
        return await merge_contacts(survivor, absorbed, work, reason="told so", by="anna")


async def _undo(stage: Stage, merge: UUID) -> None:
    async with stage.work(Cause(f"undo {merge}", "by-hand")) as work:
        await unmerge_contacts(merge, work, stage.rules, by="anna")


async def _contacts(stage: Stage) -> list[UUID]:
    rows = await stage.rows("SELECT id FROM contacts ORDER BY first_seen_at, id")
    return [row["id"] for row in rows]


async def _merges(stage: Stage) -> list[UUID]:
    rows = await stage.rows("SELECT id FROM merges WHERE undone_at IS NULL ORDER BY n DESC")
    return [row["id"] for row in rows]


async def _business(stage: Stage) -> dict[str, Any]:
    """The state that people see: versions count announcements and only ever grow."""
    state = await stage.state()
    kept = ("contacts", "identities", "interactions", "leads", "team", "touches")
    return {name: [{k: v for k, v in row.items() if k != "version"} for row in state[name]] for name in kept}


async def test_merging_and_undoing_by_hand_restores_everything(stage: Stage) -> None:
    stage.rules = RULES
    await stage.log(interaction(1, PHONE, name="Ivan", channel="site", fields={"course": "en"}))
    await stage.log(interaction(2, MAIL, language="ru", consents=["news"], fields={"course": "de"}))
    await stage.log(interaction(3, MAIL, CHAT, ("phone", "12")))
    before = await _business(stage)
    older, younger = await _contacts(stage)
    merge = await _merge(stage, older, younger)
    assert len(await stage.people()) == 1
    assert await stage.value("SELECT count(*) FROM leads WHERE status = 'open'") == 1
    await _undo(stage, merge)
    assert await _business(stage) == before
    told = await stage.published()
    (parted,), (reopened,) = of_type(told, ContactUnmerged), of_type(told, LeadReopened)
    leads = {row["contact_id"]: str(row["id"]) for row in before["leads"]}
    assert (parted.data["absorbed_id"], parted.data["leads"]) == (str(younger), [leads[younger]])
    assert (reopened.data["contact_id"], reopened.data["lead_id"]) == (str(younger), leads[younger])
    assert reopened.data["from_lead_id"] == leads[older]
    changes = of_type(told, ContactChanged)[-2:]
    assert {change.data["contact_id"] for change in changes} == {str(older), str(younger)}


async def test_the_younger_may_survive_when_a_person_says_so(stage: Stage) -> None:
    stage.rules = RULES
    await stage.log(interaction(1, PHONE), interaction(2, MAIL))
    before = await _business(stage)
    older, younger = await _contacts(stage)
    merge = await _merge(stage, younger, older)
    (lead,) = await stage.rows("SELECT contact_id, title FROM leads WHERE status = 'open'")
    assert lead["contact_id"] == younger
    await _undo(stage, merge)
    assert await _business(stage) == before


@settings(max_examples=examples(20), suppress_health_check=list(HealthCheck))
@given(facts=histories(), pick=st.randoms(use_true_random=False))
async def test_any_merge_after_any_history_can_be_undone(stage: Stage, facts: list[Any], pick: Any) -> None:
    stage.rules = RULES
    await stage.empty()
    await stage.log_facts(facts)
    standing = await stage.rows("SELECT id FROM contacts WHERE merged_into IS NULL ORDER BY id")
    assume(len(standing) > 1)
    before = await _business(stage)
    one, other, *more = pick.sample([row["id"] for row in standing], k=min(3, len(standing)))
    merges = [await _merge(stage, one, other)]
    if more:
        merges.append(await _merge(stage, more[0], one))
    for merge in reversed(merges):
        await _undo(stage, merge)
    assert await _business(stage) == before


async def test_what_came_since_the_merge_stays_with_the_survivor(stage: Stage) -> None:
    stage.rules = RULES
    await stage.log(interaction(1, PHONE, name="Ivan"))
    await stage.log(interaction(2, MAIL, name="Maria", language="en", consents=["news"]))
    await stage.log(interaction(3, PHONE, MAIL, CHAT, fields={"course": "fr"}, language="ru"))
    await stage.log(interaction(4, MAIL, consents=["calls"]))
    (merge,) = await _merges(stage)
    await _undo(stage, merge)
    assert await stage.people() == {
        frozenset({"phone:+79261234567", "telegram:4711"}),
        frozenset({"email:ivan@example.com"}),
    }
    ivan, maria = await stage.rows("SELECT * FROM contacts ORDER BY first_seen_at")
    assert (ivan["name"], ivan["language"], ivan["fields"]) == ("Ivan", "ru", {"course": "fr"})
    assert ivan["consents"] == ["calls"]
    assert (maria["name"], maria["language"], maria["fields"]) == ("Maria", "en", {})
    assert maria["consents"] == ["news"]
    assert await stage.value("SELECT count(*) FROM leads WHERE status = 'open'") == 2


async def test_those_told_apart_are_not_merged_again_by_themselves(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE), interaction(2, MAIL))
    await stage.log(interaction(3, PHONE, MAIL))
    (merge,) = await _merges(stage)
    await _undo(stage, merge)
    await stage.log(interaction(4, PHONE, MAIL))
    assert len(await stage.people()) == 2
    older, younger = await _contacts(stage)
    await _merge(stage, older, younger)
    assert len(await stage.people()) == 1


async def test_merges_are_undone_from_the_latest_on(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE), interaction(2, MAIL), interaction(3, CHAT))
    first, second, third = await _contacts(stage)
    early = await _merge(stage, second, third)
    late = await _merge(stage, first, second)
    with pytest.raises(Refused, match=str(late)):
        await _undo(stage, early)
    await _undo(stage, late)
    await _undo(stage, early)
    with pytest.raises(Refused, match="already"):
        await _undo(stage, early)
    assert len(await stage.people()) == 3


async def test_an_undone_lead_stays_ended_when_its_contact_has_a_new_one(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE), interaction(2, MAIL))
    older, younger = await _contacts(stage)
    merge = await _merge(stage, younger, older)
    await stage.database.pool.execute("UPDATE leads SET status = 'closed' WHERE status = 'open'")
    await stage.log(interaction(3, MAIL))
    await _undo(stage, merge)
    rows = await stage.rows("SELECT contact_id, status FROM leads ORDER BY captured_at")
    assert [(row["contact_id"], row["status"]) for row in rows] == [
        (older, "closed"),
        (younger, "merged"),
        (younger, "open"),
    ]


async def test_merging_names_its_mistakes(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE), interaction(2, MAIL))
    older, younger = await _contacts(stage)
    with pytest.raises(Refused, match="itself"):
        await _merge(stage, older, older)
    with pytest.raises(Unknown):
        await _merge(stage, older, UUID(int=1))
    with pytest.raises(Unknown):
        await _undo(stage, UUID(int=1))
    await _merge(stage, older, younger)
    with pytest.raises(Refused, match="already") as refused:
        await _merge(stage, younger, older)
    assert str(older) in str(refused.value.remedy)


async def test_merging_undoing_and_logging_at_once_end_whole(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE), interaction(2, MAIL))
    older, younger = await _contacts(stage)

    async def there_and_back(turn: int) -> None:
        await _undo(stage, await _merge(stage, older, younger, turn))

    for turn in range(5):
        numbers = range(3 + 10 * turn, 13 + 10 * turn)
        later = (interaction(number, PHONE if number % 2 else MAIL) for number in numbers)
        await asyncio.gather(there_and_back(turn), *(stage.log(one) for one in later))
    assert await stage.people() == {
        frozenset({"phone:+79261234567"}),
        frozenset({"email:ivan@example.com"}),
    }
    assert await stage.value("SELECT count(*) FROM interactions") == 52
    assert len(of_type(await stage.published(), ContactMerged)) == 5


async def _waits_for_a_lock(stage: Stage) -> bool:
    waiting: bool = await stage.value(
        "SELECT EXISTS (SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock')"
    )
    return waiting


@pytest.mark.parametrize("undone", [False, True])
async def test_an_enquiry_that_waited_for_a_merge_finds_whoever_goes_on(stage: Stage, undone: bool) -> None:
    await stage.log(interaction(1, PHONE), interaction(2, MAIL))
    older, younger = await _contacts(stage)
    merge = await _merge(stage, older, younger) if undone else None
    async with stage.work() as work:
        if merge:
            await unmerge_contacts(merge, work, stage.rules, by="anna")
        else:
            await merge_contacts(older, younger, work, reason="told so", by="anna")
        logging = asyncio.create_task(stage.log(interaction(3, MAIL, CHAT)))
        await until(lambda: _waits_for_a_lock(stage))
    await logging
    found = await stage.value("SELECT contact_id FROM interactions ORDER BY n DESC LIMIT 1")
    chat = await stage.value("SELECT contact_id FROM identities WHERE kind = 'telegram'")
    assert found == chat == (younger if undone else older)


async def test_a_lead_that_ends_while_it_is_settled_says_where_it_went(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE), interaction(2, MAIL))
    older, younger = await _contacts(stage)
    lead = await stage.value("SELECT id FROM leads WHERE contact_id = $1", younger)

    async def settle() -> None:
        async with stage.work() as work:
            await settle_lead(lead, "closed", work, reason=None)

    async with stage.work() as work:
        await merge_contacts(older, younger, work, reason="told so", by="anna")
        settling = asyncio.create_task(settle())
        await until(lambda: _waits_for_a_lock(stage))
    with pytest.raises(Refused, match="merged"):
        await settling
