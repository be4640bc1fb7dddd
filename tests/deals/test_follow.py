"""What happens to leads and contacts happens to their deals."""

import asyncio
from datetime import timedelta

from contracts.deals import DealMoved, DealOpened, TaskCreated
from contracts.leads import LeadCaptured
from contracts.notifications import EnrolContact, MessageNotSent, MessageSent, SequenceEnded
from services.deals.definitions import compile
from services.deals.domain.rules import Rules
from services.deals.handlers import fact_readers
from services.runtime.definitions import Definitions
from tests.deals.samples import (
    NOW,
    REACH,
    captured,
    changed,
    lead_merged,
    merged,
    name,
    one_funnel,
    rules,
    touched,
)
from tests.deals.stage import Stage


def message_sent(contact: str = "contact") -> MessageSent:
    return MessageSent(
        contact_id=name(contact), message_id=name("message"), step="1", medium="email", sent_at=NOW
    )


async def test_a_lead_becomes_a_deal_with_its_task_its_sequence_and_its_timers(stage: Stage) -> None:
    await stage.tell(captured())
    deal = await stage.deal_of(name("lead"))
    assert (deal["funnel"], deal["stage"], deal["status"], deal["owner"]) == ("reach", "new", "open", "anna")
    (task,) = await stage.rows("SELECT * FROM tasks")
    assert (task["title"], task["assignee"], task["status"]) == ("Call back", "anna", "open")
    assert task["due_at"] == NOW + timedelta(hours=4)
    opened, created, enrol = await stage.published()
    assert (opened.type, created.type, enrol.type) == (DealOpened.TYPE, TaskCreated.TYPE, EnrolContact.TYPE)
    assert (opened.entityversion, created.entityversion) == (1, 1)
    assert enrol.data["deal_id"] == str(deal["id"])
    assert {one.correlationid for one in (opened, created, enrol)} == {deal["correlation"]}
    assert len(await stage.rows("SELECT * FROM timers")) == 2
    assert await stage.journal() == ["opened deal in reach/new", "created task", "asked for sequence welcome"]
    (history,) = await stage.rows("SELECT * FROM stage_history")
    assert (history["from_stage"], history["to_stage"], history["reason"]) == (None, "new", "lead captured")


async def test_a_lead_gets_one_deal_however_often_it_is_told(stage: Stage) -> None:
    await stage.tell(captured(), captured())
    await stage.tell(captured())
    assert len(await stage.rows("SELECT * FROM deals")) == 1
    assert len(await stage.published(DealOpened)) == 1


async def test_a_lead_goes_where_the_routing_says(stage: Stage) -> None:
    await stage.tell(captured("one"), captured("two", channel="partner"))
    assert (await stage.deal_of(name("two")))["funnel"] == "partners"


async def test_routing_knows_what_the_contact_speaks(stage: Stage) -> None:
    part = {
        "funnels": {"de": {"stages": [{"name": "neu"}]}, "en": {"stages": [{"name": "new"}]}},
        "routing": {"rules": [{"when": "contact.language == 'de'", "funnel": "de"}], "default": "en"},
    }
    stage.rules = compile(part)
    await stage.tell(changed(language="de", version=2), changed(language="en", version=1), captured())
    assert (await stage.deal_of(name("lead")))["funnel"] == "de"
    await stage.tell(changed(language="en", version=1), captured("later"))
    assert (await stage.deal_of(name("later")))["funnel"] == "de"


async def test_without_definitions_a_lead_waits_in_the_inbox(stage: Stage) -> None:
    stage.rules = compile({})
    await stage.tell(captured(), touched())
    deal = await stage.deal_of(name("lead"))
    assert (deal["funnel"], deal["stage"]) == ("inbox", "new")


async def test_a_reply_moves_the_deal_by_a_rule(stage: Stage) -> None:
    await stage.tell(captured())
    await stage.tell(touched(first=True))
    assert (await stage.deal_of(name("lead")))["stage"] == "new"
    await stage.tell(touched())
    deal = await stage.deal_of(name("lead"))
    assert (deal["stage"], deal["version"], deal["entry"]) == ("talking", 2, 2)
    (moved,) = await stage.published(DealMoved)
    assert (moved.data["from_stage"], moved.data["to_stage"]) == ("new", "talking")
    assert (moved.data["reason"], moved.data["version"], moved.entityversion) == ("rule replied", 2, 2)
    assert moved.correlationid == deal["correlation"]
    assert await stage.rows("SELECT * FROM timers") == []
    assert "moved new -> talking by rule replied" in await stage.journal()


async def test_a_reply_in_the_set_of_its_lead_finds_the_deal(stage: Stage) -> None:
    await stage.tell(captured(), touched(first=True), touched())
    assert (await stage.deal_of(name("lead")))["stage"] == "talking"


async def test_a_reply_concerns_every_open_deal_of_the_contact_and_no_other(stage: Stage) -> None:
    await stage.tell(captured("one"), captured("two"), captured("else", contact="somebody"))
    await stage.tell(touched())
    stages = {row["lead_id"]: row["stage"] for row in await stage.rows("SELECT * FROM deals")}
    assert stages == {name("one"): "talking", name("two"): "talking", name("else"): "new"}


async def test_a_sent_message_moves_the_deal_by_a_rule(stage: Stage) -> None:
    await stage.tell(captured())
    await stage.tell(message_sent(), message_sent("stranger"))
    assert (await stage.deal_of(name("lead")))["stage"] == "contacted"


async def test_a_message_that_was_taken_back_is_no_failure_to_react_to(stage: Stage) -> None:
    reaction = {
        "event": "message_not_sent",
        "when": 'event.sequence == "welcome"',
        "actions": [{"create_task": {"title": "Write by hand"}}],
    }
    stage.rules = compile(one_funnel({"name": "new", "on_event": [reaction]}))
    await stage.tell(captured())
    told = MessageNotSent(
        contact_id=name("contact"),
        message_id=name("message"),
        sequence="welcome",
        step="1",
        medium="email",
        reason="cancelled",
        settled_at=NOW,
    )
    await stage.tell(told)
    assert await stage.value("SELECT count(*) FROM tasks") == 0
    await stage.tell(told.model_copy(update={"reason": "rejected"}))
    assert await stage.value("SELECT count(*) FROM tasks") == 1


async def test_the_end_of_a_sequence_can_create_a_task(stage: Stage) -> None:
    reaction = {
        "event": "sequence_ended",
        "when": 'event.sequence == "welcome" && event.reason == "completed"',
        "actions": [{"create_task": {"title": "Nobody answered: call", "assignee": None}}],
    }
    stage.rules = compile(one_funnel({"name": "new", "on_event": [reaction]}))
    await stage.tell(captured())
    ended = SequenceEnded(
        contact_id=name("contact"),
        enrolment_id=name("enrolment"),
        sequence="welcome",
        sequence_version="1",
        reason="completed",
        ended_at=NOW,
    )
    await stage.tell(ended, ended.model_copy(update={"reason": "replied"}))
    (task,) = await stage.rows("SELECT * FROM tasks")
    assert task["assignee"] is None


async def test_later_facts_of_an_absorbed_contact_find_its_deals(stage: Stage) -> None:
    await stage.tell(captured(contact="absorbed"))
    await stage.tell(merged("survivor", "absorbed"))
    deal = await stage.deal_of(name("lead"))
    assert deal["contact_id"] == name("survivor")
    await stage.tell(touched("absorbed"))
    assert (await stage.deal_of(name("lead")))["stage"] == "talking"
    await stage.tell(captured("late", contact="absorbed"))
    assert (await stage.deal_of(name("late")))["contact_id"] == name("survivor")


async def test_merges_may_follow_each_other(stage: Stage) -> None:
    await stage.tell(captured("a", contact="a"), captured("b", contact="b"), captured("c", contact="c"))
    await stage.tell(merged("b", "a"))
    await stage.tell(merged("c", "b"), touched("a"))
    rows = await stage.rows("SELECT * FROM deals")
    assert {row["contact_id"] for row in rows} == {name("c")}
    assert {row["stage"] for row in rows} == {"talking"}
    aliases = await stage.rows("SELECT * FROM contact_aliases")
    assert {row["absorbed_id"]: row["contact_id"] for row in aliases} == {
        name("a"): name("c"),
        name("b"): name("c"),
    }


async def test_who_absorbed_whom_stays_when_the_same_merge_is_told_again_after_another(stage: Stage) -> None:
    await stage.tell(merged("b", "a"), merged("c", "b"), merged("b", "a"))
    aliases = await stage.rows("SELECT * FROM contact_aliases")
    assert {row["absorbed_id"]: row["absorbed_by"] for row in aliases} == {
        name("a"): name("b"),
        name("b"): name("c"),
    }


async def test_closed_deals_go_to_the_surviving_contact_too(stage: Stage) -> None:
    stage.rules = compile(
        one_funnel(
            {"name": "new", "on_event": [{"event": "replied", "actions": [{"move": {"to": "won"}}]}]},
            {"name": "won", "kind": "won"},
        )
    )
    await stage.tell(captured(contact="absorbed"), touched("absorbed"))
    await stage.tell(merged("survivor", "absorbed"))
    deal = await stage.deal_of(name("lead"))
    assert (deal["status"], deal["contact_id"]) == ("won", name("survivor"))


async def test_of_two_merged_leads_the_younger_deal_ends(stage: Stage) -> None:
    older = captured("older", contact="one")
    younger = captured("younger", contact="two", captured_at=NOW + timedelta(minutes=1))
    await stage.tell(older, younger)
    await stage.tell(merged("one", "two"), lead_merged("younger", into="older", contact="one"))
    kept, ended = await stage.deal_of(name("older")), await stage.deal_of(name("younger"))
    assert (kept["status"], kept["stage"]) == ("open", "new")
    assert (ended["status"], ended["stage"], ended["merged_into"]) == ("merged", "new", kept["id"])
    tasks = {row["deal_id"]: row["status"] for row in await stage.rows("SELECT * FROM tasks")}
    assert tasks == {kept["id"]: "open", ended["id"]: "dropped"}
    keys = {row["key"] for row in await stage.rows("SELECT key FROM timers")}
    assert keys == {f"{kept['id']}/0", f"{kept['id']}/1"}
    (moved,) = await stage.published(DealMoved)
    assert (moved.data["status"], moved.data["reason"]) == ("merged", f"merged into {kept['id']}")
    await stage.tell(touched("two"))
    assert (await stage.deal_of(name("older")))["stage"] == "talking"
    assert (await stage.deal_of(name("younger")))["stage"] == "new"


async def test_leads_may_merge_on_and_on(stage: Stage) -> None:
    leads = [captured(f"lead {n}", captured_at=NOW + timedelta(minutes=n)) for n in range(3)]
    await stage.tell(*leads)
    await stage.tell(lead_merged("lead 2", into="lead 1"))
    await stage.tell(lead_merged("lead 1", into="lead 0"), lead_merged("lead 2", into="lead 0"))
    statuses = [(await stage.deal_of(name(f"lead {n}")))["status"] for n in range(3)]
    assert statuses == ["open", "merged", "merged"]


async def test_a_deal_that_is_won_stays_won_when_leads_merge(stage: Stage) -> None:
    await stage.tell(captured("older"), captured("younger", captured_at=NOW + timedelta(minutes=1)))
    await stage.database.pool.execute(
        "UPDATE deals SET status = 'won', closed_at = now() WHERE lead_id = $1", name("older")
    )
    await stage.tell(lead_merged("younger", into="older"))
    assert (await stage.deal_of(name("younger")))["status"] == "open"


async def test_a_lead_that_had_ended_before_it_was_told_opens_nothing(stage: Stage) -> None:
    await stage.tell(captured("older"), lead_merged("younger", into="older"))
    await stage.tell(captured("younger"))
    assert await stage.value("SELECT count(*) FROM deals") == 1
    assert "opened no deal: the lead had been merged" in await stage.journal()


async def test_a_deal_whose_stage_is_gone_stays_and_goes_on_when_it_is_back(stage: Stage) -> None:
    await stage.tell(captured())
    stage.rules = rules(one_funnel({"name": "else"}))
    await stage.tell(touched())
    assert (await stage.deal_of(name("lead")))["stage"] == "new"
    stage.rules = rules(REACH)
    await stage.tell(touched())
    assert (await stage.deal_of(name("lead")))["stage"] == "talking"


async def test_no_name_and_no_title_gets_into_the_journal(stage: Stage) -> None:
    await stage.tell(captured(contact_name="Maria Petrova", title="Call Maria"), touched())
    noted = " ".join(await stage.journal())
    assert "Maria" not in noted
    assert LeadCaptured.TYPE not in noted


async def test_nothing_is_decided_before_the_definitions_are_known(stage: Stage) -> None:
    definitions = Definitions[Rules]("deals", compile)
    (leads, _) = fact_readers(definitions)
    facts = stage.facts([captured()])
    async with stage.work(facts[0].cause) as work:
        following = asyncio.create_task(leads.handle(facts, work))
        await asyncio.wait([following], timeout=0.1)
        assert not following.done()
        definitions.current = stage.rules
        definitions.loaded.set()
        await following
    assert (await stage.deal_of(name("lead")))["funnel"] == "reach"
