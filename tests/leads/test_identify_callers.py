"""Who is calling: known, unknown, merged, hidden; with what they asked for and their deals."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from contracts.calls import CallIdentified, CallRinging
from contracts.deals import DealMoved, DealOpened
from contracts.interactions import Identity, Sender
from services.leads.domain.assignment import AssignmentRule
from services.leads.domain.rules import Rules
from services.leads.usecases.identify_callers import identify_callers
from services.leads.usecases.note_deals import note_deals, note_new_deals
from services.runtime.cause import Cause
from services.runtime.received import RawMessage, Received
from tests.leads.stage import BEGIN, NAMESPACE, Stage, interaction, of_type

PHONE, MAIL = ("phone", "+79261234567"), ("email", "ivan@example.com")


def ringing(number: int, *identities: tuple[str, str], **more: Any) -> CallRinging:
    """The call of this number, ringing that many hours after the beginning."""
    at = BEGIN + timedelta(hours=number)
    given = [Identity(kind=kind, value=value) for kind, value in identities]
    return CallRinging(
        call_id=uuid.uuid5(NAMESPACE, f"call {number}"),
        delivery_id=f"delivery-of-call-{number}",
        channel="office-phone",
        kind="mango",
        external_id=f"call-{number}",
        outside=Sender(identities=given, name=more.pop("name", None)),
        occurred_at=at,
        received_at=more.pop("received_at", at),
        **{"direction": "in", "line": "+442079460958", "agent": "101", **more},
    )


async def identified(stage: Stage, *calls: CallRinging) -> list[CallIdentified]:
    """What is told of these calls, handled as one set."""
    facts = [
        Received(
            f"event {call.call_id}",
            call.TYPE,
            call.key(),
            call,
            Cause(f"event {call.call_id}", call.delivery_id),
            RawMessage("CRM_CONNECTORS", "crm", 1, {}, b"", call.received_at),
        )
        for call in calls
    ]
    before = len(await stage.published())
    async with stage.work(facts[0].cause) as work:
        await identify_callers(facts, work, stage.rules)
    told = of_type((await stage.published())[before:], CallIdentified)
    return [CallIdentified.model_validate(one.data) for one in told]


def opened(lead_id: Any, contact_id: Any, number: int = 1, **more: Any) -> DealOpened:
    return DealOpened(
        deal_id=uuid.uuid5(NAMESPACE, f"deal {number}"),
        lead_id=lead_id,
        contact_id=contact_id,
        opened_at=BEGIN + timedelta(minutes=number),
        **{"funnel": "courses", "stage": "new", "title": f"Deal {number}", **more},
    )


def moved(deal: DealOpened, to: str, status: Any = "open", version: int = 2) -> DealMoved:
    return DealMoved(
        **deal.model_dump(include={"deal_id", "lead_id", "contact_id", "funnel"}),
        from_stage=deal.stage,
        to_stage=to,
        status=status,
        reason="a person",
        version=version,
        moved_at=BEGIN + timedelta(hours=version),
    )


async def test_a_customer_is_shown_with_what_they_asked_for(stage: Stage) -> None:
    to_anna = AssignmentRule(("anna",), "round_robin", lambda view: True)
    stage.rules = Rules(team=("anna",), assignment=(to_anna,))
    wanted = {"title": "English for two", "text": "Evenings", "fields": {"course": "IELTS"}}
    await stage.log(interaction(1, PHONE, name="Ivan", **wanted))
    await stage.log(interaction(2, PHONE, medium="chat", channel="bot", text="x" * 2_000))
    (told,) = await identified(stage, ringing(1, ("phone", "8 926 123-45-67"), name="I. P."))
    assert (told.known, told.name, told.owner) == (True, "Ivan", "anna")
    assert told.contact_id == await stage.value("SELECT id FROM contacts")
    assert told.asked
    assert (told.asked.title, told.asked.text) == ("English for two", "Evenings")
    assert told.asked.fields == {"course": "IELTS"}
    assert [(lead.title, lead.status, lead.owner) for lead in told.leads] == [
        ("English for two", "open", "anna")
    ]
    assert told.last_touch
    assert (told.last_touch.direction, told.last_touch.channel) == ("in", "bot")
    assert told.last_touch.text == "x" * 500
    assert (told.line, told.agent, told.external_id) == ("+442079460958", "101", "call-1")


async def test_a_stranger_is_told_as_unknown_and_nothing_is_made_of_them(stage: Stage) -> None:
    await stage.log(interaction(1, MAIL))
    before = await stage.state()
    told = await identified(stage, ringing(1, PHONE, name="Shown by the exchange"), ringing(2))
    assert [(one.known, one.contact_id, one.name) for one in told] == [
        (False, None, "Shown by the exchange"),
        (False, None, None),
    ]
    assert [(one.asked, one.leads, one.deals, one.last_touch) for one in told] == [(None, [], [], None)] * 2
    after = await stage.state()
    assert {name for name in after if after[name] != before[name]} == {"outbox", "journal"}


async def test_whom_we_call_ourselves_needs_no_introduction(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE))
    assert await identified(stage, ringing(1, PHONE, direction="out")) == []


async def test_of_merged_contacts_the_one_that_stays_calls_with_all_that_both_had(stage: Stage) -> None:
    await stage.log(interaction(1, MAIL, name="Ivan", title="By mail"))
    await stage.log(interaction(2, PHONE, title="By phone", text="the later"))
    oldest = await stage.value("SELECT id FROM contacts ORDER BY first_seen_at LIMIT 1")
    (later,) = await stage.rows("SELECT id, contact_id FROM leads WHERE title = 'By phone'")
    async with stage.work() as work:
        await note_new_deals([opened(later["id"], later["contact_id"])], work)
    await stage.log(interaction(3, PHONE, MAIL, text="both"))
    (told,) = await identified(stage, ringing(1, PHONE))
    assert (told.contact_id, told.name) == (oldest, "Ivan")
    assert [lead.title for lead in told.leads] == ["By mail"]
    assert [deal.title for deal in told.deals] == ["Deal 1"]
    assert told.last_touch
    assert told.last_touch.text == "both"


async def test_a_shared_number_hints_at_somebody_as_it_does_for_interactions(stage: Stage) -> None:
    await stage.log(interaction(1, ("username", "ivan"), name="Ivan"))
    (told,) = await identified(stage, ringing(1, ("username", "ivan")))
    assert told.name == "Ivan"
    (told,) = await identified(stage, ringing(2, PHONE, ("username", "ivan")))
    assert not told.known, "a number that nobody has is a stranger's, whatever else is shown"


async def test_open_deals_are_those_that_deals_told_of_last(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE, title="English for two"))
    (lead,) = await stage.rows("SELECT id, contact_id FROM leads")
    deals = [opened(lead["id"], lead["contact_id"], number, owner="boris") for number in (1, 2, 3)]
    priced = deals[0].model_copy(update={"amount": Decimal("420.50"), "currency": "GBP"})
    before_us = opened(lead["id"], lead["contact_id"], 4)
    async with stage.work() as work:
        await note_new_deals([priced, *deals[1:], priced], work)
        await note_deals([moved(deals[0], "trial"), moved(deals[1], "done", "won")], work)
        await note_deals([moved(deals[2], "gone", "lost"), moved(before_us, "trial", version=5)], work)
    (told,) = await identified(stage, ringing(1, PHONE))
    assert [(deal.title, deal.stage, deal.amount, deal.currency) for deal in told.deals] == [
        ("English for two", "trial", None, None),
        ("Deal 1", "trial", Decimal("420.50"), "GBP"),
    ]
    assert told.owner == "boris"
    async with stage.work() as work:
        await note_deals([moved(deals[1], "trial", version=6)], work)
    (told,) = await identified(stage, ringing(2, PHONE))
    assert [deal.title for deal in told.deals] == ["Deal 2", "English for two", "Deal 1"]
