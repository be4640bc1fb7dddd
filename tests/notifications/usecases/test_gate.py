"""Opt-outs and other last words, raced against the moment of sending."""

import asyncio
import random
from datetime import timedelta
from uuid import uuid4

import pytest

from contracts.notifications import ContactOptedOut, MessageNotSent
from services.notifications.delivery.courier import Courier
from services.notifications.usecases.cancel import cancel
from services.notifications.usecases.claim import claim
from services.notifications.usecases.opt_out import opt_out, suppress
from tests.notifications.samples import contact, contact_id, deal_id
from tests.notifications.smtp_sink import Sink, held, once, slow
from tests.notifications.stage import Stage, carrying, reasons
from tests.support.wait import until


async def unsubscribe(stage: Stage, number: int) -> bool:
    message = await stage.value("SELECT id FROM messages WHERE contact_id = $1", contact_id(number))
    async with stage.work() as work:
        done = await opt_out(work, message)
    assert done
    return done.added


def claims_ahead(stage: Stage, smtp: Sink) -> Courier:
    """A courier with one connection, which believes that letters take no time and claims many."""
    courier = stage.courier(smtp.port, size=1)
    courier._pace._letter = 0.001
    courier._pace._claim = 1.0
    return courier


async def test_an_opt_out_ends_what_runs_and_takes_back_what_waits(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    await stage.enrol(1, "single")
    assert await unsubscribe(stage, 1)
    assert await stage.endings() == ["opted_out", "opted_out"]
    assert {state for _, state in await stage.states()} == {"cancelled"}
    assert await stage.desk().claim(5) == []
    told = [one for one in await stage.published() if one.type == ContactOptedOut.TYPE]
    assert [(one.data["contact_id"], one.data["source"]) for one in told] == [
        (str(contact_id(1)), "unsubscribe")
    ]


async def test_what_is_taken_back_is_told_with_its_sequence_and_deal(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, deal=deal_id(1))
    await unsubscribe(stage, 1)
    (told,) = [one.data for one in await stage.published() if one.type == MessageNotSent.TYPE]
    assert (told["reason"], told["sequence"], told["deal_id"]) == ("cancelled", "welcome", str(deal_id(1)))


async def test_opting_out_again_changes_nothing(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    assert await unsubscribe(stage, 1)
    assert not await unsubscribe(stage, 1)
    assert await stage.value("SELECT count(*) FROM suppressions") == 1


async def test_an_enrolment_after_the_opt_out_sends_nothing(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    await unsubscribe(stage, 1)
    await stage.enrol(1, "single")
    assert await stage.desk().claim(5) == []
    assert await stage.endings() == ["opted_out", "opted_out"]
    assert reasons(await stage.published()) == ["cancelled", "opted_out", "suppressed", "opted_out"]


async def test_an_opt_out_holds_when_the_contact_gets_another_address_or_another_contact_this_one(
    stage: Stage,
) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    await unsubscribe(stage, 1)
    await stage.know(
        contact(1, version=2, email="new@client.example"), contact(2, email="PERSON1@client.example")
    )
    await stage.enrol(1, "single")
    await stage.enrol(2, "single")
    assert await stage.desk().claim(5) == []
    assert await stage.endings() == ["opted_out"] * 3


async def test_an_opt_out_of_the_absorbed_holds_for_the_one_that_stays_as_long_as_they_are_one(
    stage: Stage,
) -> None:
    await stage.know(contact(1), contact(2))
    await stage.enrol(1)
    await unsubscribe(stage, 1)
    await stage.merge(2, 1)
    await stage.enrol(2, "single")
    assert await stage.desk().claim(5) == []
    await stage.unmerge(2, 1)
    await stage.enrol(2, "repeated")
    assert [one.contact.id for one in await stage.desk().claim(5)] == [contact_id(2)]


async def test_while_an_opt_out_is_not_committed_nothing_starts_and_afterwards_neither(
    stage: Stage,
) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    message = await stage.value("SELECT id FROM messages")
    async with stage.work() as work:
        await opt_out(work, message)
        assert await stage.desk().claim(5) == []
    assert await stage.desk().claim(5) == []
    assert await stage.endings() == ["opted_out"]


async def test_an_opt_out_waits_for_a_start_that_is_being_committed(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    async with stage.work() as work:
        assert len(await claim(work, uuid4(), 5, timedelta(minutes=1))) == 1
        saying_no = asyncio.create_task(unsubscribe(stage, 1))
        waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        await until(lambda: stage.value(waits))
        assert not saying_no.done()
    assert await saying_no
    # It had started before, and that is recorded so.
    assert await stage.states() == [("only", "sending")]
    assert await stage.endings() == ["opted_out"]


async def test_an_address_can_be_suppressed_by_a_person(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    async with stage.work() as work:
        done = await suppress(work, "Person1@client.example", "anna")
    assert (done.added, done.ended) == (True, 1)
    told = [one.data for one in await stage.published() if one.type == ContactOptedOut.TYPE]
    assert [(one["contact_id"], one["source"]) for one in told] == [(str(contact_id(1)), "person")]
    assert await stage.desk().claim(5) == []


async def test_a_message_without_address_or_consent_ends_undeliverable(stage: Stage) -> None:
    await stage.know(contact(1, email=None), contact(2), contact(3, consents=["news"]))
    await stage.enrol(1)
    await stage.enrol(2, "news")
    await stage.enrol(3, "news")
    claimed = await stage.desk().claim(5)
    assert [one.contact.id for one in claimed] == [contact_id(3)]
    assert sorted(await stage.endings()) == ["running", "undeliverable", "undeliverable"]
    assert sorted(reasons(await stage.published())) == [
        "no_address",
        "suppressed",
        "undeliverable",
        "undeliverable",
    ]


async def test_a_message_is_too_late_at_the_gate_though_it_was_not_when_it_was_queued(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    stage.clock.time += timedelta(hours=13)
    assert await stage.desk().claim(5) == []
    assert await stage.endings() == ["completed"]
    assert reasons(await stage.published()) == ["too_late", "completed"]


async def test_a_cancelled_enrolment_sends_nothing_more(stage: Stage) -> None:
    await stage.know(contact(1))
    enrolment = await stage.enrol(1)
    for expected in (True, False):
        async with stage.work() as work:
            found = await cancel(work, enrolment.id)
        assert found
        assert found[1] is expected
    assert await stage.endings() == ["cancelled"]
    assert await stage.desk().claim(5) == []


async def test_a_contact_held_by_somebody_else_is_passed_over_not_waited_for(stage: Stage) -> None:
    await stage.know(contact(1), contact(2))
    await stage.enrol(1, "single")
    await stage.enrol(2, "single")
    async with stage.work() as work:
        await work.connection.execute("SELECT FROM contacts WHERE id = $1 FOR UPDATE", contact_id(1))
        claimed = await asyncio.wait_for(stage.desk().claim(5), 5)
        assert [one.contact.id for one in claimed] == [contact_id(2)]
    assert len(await stage.desk().claim(5)) == 1


async def test_what_is_claimed_but_not_on_the_wire_stays_here_after_an_opt_out(
    stage: Stage, smtp: Sink
) -> None:
    """The first letter holds the only connection; the second is claimed and waits for its turn."""
    await stage.know(contact(1), contact(2))
    await stage.enrol(1, "single")
    await stage.enrol(2, "single")
    courier, desk = claims_ahead(stage, smtp), stage.desk()
    opted_out = asyncio.Event()
    smtp.at["DATA"] = once(held(opted_out))
    async with carrying(courier, desk):
        await until(lambda: stage.value("SELECT count(*) = 2 FROM messages WHERE state = 'sending'"))
        waiting = courier._letters[0].claimed.contact.id.int
        message = await stage.value("SELECT id FROM messages WHERE contact_id = $1", contact_id(waiting))
        async with stage.work() as work:
            await opt_out(work, message, courier.ledger.withdraw)
        opted_out.set()
        await until(lambda: stage.value("SELECT count(*) = 0 FROM messages WHERE state = 'sending'"))
    assert smtp.recipients() == [f"person{3 - waiting}@client.example"]
    assert sorted(await stage.endings()) == ["completed", "opted_out"]
    assert sorted(state for _, state in await stage.states()) == ["cancelled", "sent"]


async def test_a_letter_that_waited_long_for_its_turn_is_asked_about_anew(stage: Stage, smtp: Sink) -> None:
    await stage.know(contact(1), contact(2))
    runs = {number: await stage.enrol(number, "single") for number in (1, 2)}
    courier, desk = claims_ahead(stage, smtp), stage.desk()
    smtp.at["DATA"] = once(slow(1.2))
    async with carrying(courier, desk):
        await until(lambda: stage.value("SELECT count(*) = 2 FROM messages WHERE state = 'sending'"))
        waiting = courier._letters[0].claimed.contact.id.int
        async with stage.work() as work:
            await cancel(work, runs[waiting].id)
        await until(lambda: stage.value("SELECT count(*) = 0 FROM messages WHERE state = 'sending'"))
    assert smtp.recipients() == [f"person{3 - waiting}@client.example"]
    assert sorted(await stage.endings()) == ["cancelled", "completed"]


@pytest.mark.parametrize("seed", range(3))
async def test_no_send_starts_after_an_opt_out_has_committed(stage: Stage, smtp: Sink, seed: int) -> None:
    count, rng = 40, random.Random(seed)
    await stage.know(*(contact(number) for number in range(1, count + 1)))
    for number in range(1, count + 1):
        await stage.enrol(number, "single")
    started_before: dict[str, bool] = {}

    async def say_no(number: int) -> None:
        await asyncio.sleep(rng.uniform(0, 0.15))
        await unsubscribe(stage, number)
        # From this commit on: what has not started must never start.
        state = await stage.value("SELECT state FROM messages WHERE contact_id = $1", contact_id(number))
        started_before[f"person{number}@client.example"] = state not in ("cancelled", "not_sent")

    async with carrying(stage.courier(smtp.port, size=4), stage.desk()):
        await asyncio.gather(*(say_no(number) for number in range(1, count + 1)))
        await until(
            lambda: stage.value("SELECT count(*) = 0 FROM messages WHERE state IN ('queued', 'sending')")
        )
    assert set(smtp.recipients()) == {address for address, started in started_before.items() if started}
    assert len(smtp.letters) == len(set(smtp.recipients()))
    assert set(await stage.endings()) <= {"opted_out", "completed"}
