"""Calls: folded out of many events, each fact once; receipts and changes once for ever."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from contracts.contract import Fact
from contracts.interactions import Identity
from services.connectors.domain import CallPart, Change, Delivery, Parsed, Receipt, accepted, together
from services.connectors.domain.call import Call
from services.connectors.usecases.forget_calls import forgetting
from services.connectors.usecases.further import told_of
from services.connectors.usecases.outcome import made
from services.connectors.usecases.parse_again import parse_again
from services.connectors.usecases.take_deliveries import Arrival, cause_of, take_deliveries
from tests.connectors.stage import Stage

AT = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
CALLER = [Identity(kind="phone", value="+447700900123")]


def part(state: Any, second: int = 0, **more: Any) -> CallPart:
    return CallPart(call="c-1", state=state, occurred_at=AT + timedelta(seconds=second), **more)


def delivery(number: int = 0) -> Delivery:
    return Delivery("office", "mango", str(number).encode(), AT + timedelta(minutes=5))


def told(*parts: CallPart) -> list[Fact]:
    call, facts = Call("c-1"), []
    for number, one in enumerate(parts):
        call, news = told_of(call, one, delivery(number))
        facts += news
    return facts


def names(facts: list[Fact]) -> list[str]:
    return [fact.TYPE.split(".", 1)[1].rsplit(".", 1)[0] for fact in facts]


INCOMING = part("ringing", direction="in", identities=CALLER, line="+442079460958", agent="101")


def test_an_answered_call_is_told_step_by_step_and_is_one_interaction() -> None:
    facts = told(
        INCOMING,
        part("ringing", 1, agent="102"),
        part("answered", 9, agent="102"),
        part("answered", 10, agent="102"),
        part("ended", 69, talk_seconds=60),
        part("recorded", 80, recording="r-1"),
        part("recorded", 81, recording="r-1"),
    )
    assert names(facts) == [
        "calls.ringing", "calls.answered", "interactions.received", "calls.ended", "calls.recorded",
    ]  # fmt: skip
    touch, ended = facts[2].model_dump(), facts[3].model_dump()
    assert touch["interaction_id"] == ended["call_id"]
    assert (touch["medium"], touch["sender"]["identities"]) == ("call", [CALLER[0].model_dump()])
    assert touch["fields"] == {
        "call_outcome": "answered", "call_line": "+442079460958", "call_agent": "102",
    }  # fmt: skip
    assert (ended["outcome"], ended["talk_seconds"], ended["agent"]) == ("answered", 60, "102")


@pytest.mark.parametrize("last", [part("missed", 20), part("ended", 20), part("ended", 20, talk_seconds=0)])
def test_a_call_that_nobody_answered_was_missed(last: CallPart) -> None:
    facts = told(INCOMING, last)
    assert names(facts) == ["calls.ringing", "interactions.received", "calls.missed", "calls.ended"]
    assert facts[1].model_dump()["fields"]["call_outcome"] == "missed"


def test_an_answered_call_waits_for_its_caller_but_not_for_ever() -> None:
    answered = part("answered", 3, direction="in")
    facts = told(answered, part("ringing", 1, identities=CALLER), part("ended", 9, talk_seconds=6))
    assert names(facts) == ["calls.answered", "interactions.received", "calls.ended"]
    assert facts[1].model_dump()["sender"]["identities"] == [CALLER[0].model_dump()]
    hidden = told(answered, part("ended", 9, talk_seconds=6))
    assert names(hidden) == ["calls.answered", "interactions.received", "calls.ended"]
    never_over = told(answered, part("recorded", 9, recording="r-1"))
    assert names(never_over) == ["calls.answered", "interactions.received", "calls.recorded"]
    assert names(told(part("recorded", 9, recording="r-1"))) == ["calls.recorded"]


def test_a_call_began_when_an_event_says_so_beside_its_own_time() -> None:
    [_, touch] = told(part("answered", 30, began_at=AT, direction="in", identities=CALLER))
    assert touch.model_dump()["occurred_at"] == AT


def test_a_voicemail_is_not_missed() -> None:
    facts = told(INCOMING, part("voicemail", 30, recording="v-1"), part("ended", 31))
    assert names(facts) == [
        "calls.ringing", "interactions.received", "calls.voicemail", "calls.recorded", "calls.ended",
    ]  # fmt: skip
    assert facts[-1].model_dump()["outcome"] == "voicemail"


def test_a_call_out_is_no_touch_and_a_call_inside_is_nothing() -> None:
    out = told(part("ringing", direction="out", identities=CALLER), part("ended", 9, direction="in"))
    assert names(out) == ["calls.ringing", "calls.ended"]
    assert told(part("ringing", direction="internal"), part("ended", 9)) == []


def test_in_any_order_a_call_is_one_interaction_and_ends_once() -> None:
    parts = (INCOMING, part("answered", 9), part("ended", 69, talk_seconds=60))
    for order in permutations(parts):
        found = names(told(*order))
        assert found.count("interactions.received") == 1
        assert found.count("calls.ended") == 1
        assert "calls.missed" not in found
        assert "calls.answered" in found


def test_only_the_end_of_a_call_is_known() -> None:
    facts = told(part("ended", 69, direction="in", identities=CALLER, talk_seconds=60))
    assert names(facts) == ["calls.answered", "interactions.received", "calls.ended"]
    assert facts[0].model_dump()["occurred_at"] == AT + timedelta(seconds=9)


def arrival(parsed: Parsed, seq: int) -> Arrival:
    one = delivery(seq)
    return Arrival(made(one, parsed, parsed.event), "INTAKE", seq, cause_of(one.id, "INTAKE", seq), 1)


async def take(stage: Stage, *arrivals: Arrival) -> None:
    async with stage.work(arrivals[0].cause) as work:
        await take_deliveries(arrivals, work)


async def test_a_call_is_folded_over_many_deliveries_and_repeats_tell_nothing(stage: Stage) -> None:
    first, second = arrival(accepted("call", INCOMING), 1), arrival(accepted("call", part("missed", 9)), 2)
    other = arrival(accepted("call", CallPart(call="c-2", state="ringing", direction="in")), 3)
    await take(stage, first, other)
    await take(stage, second, first)
    await take(stage, second)
    types = [envelope.type for envelope in await stage.published()]
    assert types == [
        "crm.calls.ringing.v1", "crm.calls.ringing.v1",
        "crm.interactions.received.v1", "crm.calls.missed.v1", "crm.calls.ended.v1",
    ]  # fmt: skip
    rows = await stage.database.pool.fetch("SELECT external_id, place FROM interactions")
    assert [tuple(row) for row in rows] == [("c-1", -1)]


async def test_receipts_and_changes_are_told_once(stage: Stage) -> None:
    receipt = Receipt(status="delivered", external_id="m-1")
    edit = Change(what="edited", conversation="chat", external_id="m-2", text="new", version="7")
    both = together(accepted("status", receipt), accepted("edit", edit))
    assert both.event == "status"
    await take(stage, arrival(both, 1), arrival(both, 2))
    await take(stage, arrival(accepted("status", receipt), 3))
    facts = await stage.published()
    assert [one.type for one in facts] == ["crm.receipts.delivered.v1", "crm.interactions.changed.v1"]
    assert facts[1].data["text"] == "new"
    read = Receipt(status="read", external_id="m-1")
    await take(stage, arrival(accepted("status", read), 4))
    assert len(await stage.published()) == 3


async def test_a_replay_tells_what_the_first_parse_did_not_know(stage: Stage) -> None:
    await take(stage, arrival(accepted("call", INCOMING), 1))
    fixed = arrival(accepted("call", INCOMING, part("missed", 9)), 1)
    for published in (3, 0):
        async with stage.work(fixed.cause) as work:
            assert await parse_again(fixed, work) == published
    assert len(await stage.published()) == 4


@pytest.mark.parametrize(("keep", "days", "left"), [(60, 59, 1), (60, 61, 0), (10, 36, 1), (10, 38, 0)])
async def test_calls_and_told_ids_outlive_the_deliveries_that_told_them(
    stage: Stage, keep: int, days: int, left: int
) -> None:
    receipt = Receipt(status="sent", external_id="r-1", occurred_at=AT)
    await take(stage, arrival(accepted("summary", part("missed"), receipt), 1))
    received = await stage.database.pool.fetchval("SELECT told_at FROM told")
    forget = forgetting(keep, 30)
    async with stage.database.pool.acquire() as connection:
        assert await forget(connection, received + timedelta(days=days)) == 2 * (1 - left)
    for table in ("calls", "told"):
        assert await stage.database.pool.fetchval(f"SELECT count(*) FROM {table}") == left
