import asyncio
from datetime import timedelta

import pytest

from services.runtime.errors import Retryable
from tests.notifications.samples import NOW, contact, deal_id, rules
from tests.notifications.stage import Stage


async def test_the_first_step_is_queued_at_once_and_the_second_armed_for_tomorrow(stage: Stage) -> None:
    await stage.know(contact(1))
    enrolment = await stage.enrol(1, deal=deal_id(1))
    assert enrolment.running
    assert await stage.states() == [("thanks", "queued")]
    # Ten o'clock in Berlin, the sequence's zone: the contact's own is not known.
    assert await stage.armed() == [NOW.replace(day=3, hour=9)]
    assert await stage.types() == ["sequences.enrolled"]


async def test_the_contacts_own_zone_comes_first(stage: Stage) -> None:
    await stage.know(contact(1, zone="Asia/Tokyo"))
    await stage.enrol(1)
    assert await stage.armed() == [NOW.replace(day=3, hour=1)]


async def test_the_same_wish_twice_makes_one_enrolment(stage: Stage) -> None:
    await stage.know(contact(1))
    first = await stage.enrol(1, deal=deal_id(1))
    again = await stage.enrol(1, deal=deal_id(1))
    assert again.id == first.id
    assert await stage.states() == [("thanks", "queued")]
    assert await stage.types() == ["sequences.enrolled"]


async def test_a_wish_that_was_fulfilled_and_ended_is_not_fulfilled_again(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    await stage.touch(1)
    await stage.enrol(1)
    assert await stage.endings() == ["replied"]


async def test_another_deal_is_another_wish(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, deal=deal_id(1))
    await stage.enrol(1, deal=deal_id(2))
    assert await stage.endings() == ["running", "running"]


async def test_a_contact_that_is_not_known_yet_is_waited_for(stage: Stage) -> None:
    with pytest.raises(Retryable):
        await stage.enrol(1)
    await stage.know(contact(1))
    assert (await stage.enrol(1)).running


async def test_wishes_at_the_same_moment_make_one_enrolment(stage: Stage) -> None:
    await stage.know(contact(1))
    await asyncio.gather(*(stage.enrol(1, deal=deal_id(1)) for _ in range(8)))
    assert await stage.endings() == ["running"]
    assert await stage.states() == [("thanks", "queued")]


async def test_the_second_step_comes_when_its_time_has_come_and_only_once(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    [timer] = await stage.pass_time(timedelta(days=1))
    assert await stage.states() == [("thanks", "queued"), ("tomorrow", "queued")]
    assert await stage.armed() == []
    await stage.fire(timer)
    assert len(await stage.states()) == 2


async def test_a_timer_of_an_ended_enrolment_does_nothing(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    [timer] = await stage.rows("SELECT * FROM timers")
    assert timer["rule"] == "1d at 10:00"
    assert timer["zone"] == "Europe/Berlin"
    await stage.touch(1)
    assert await stage.armed() == []
    assert await stage.pass_time(timedelta(days=2)) == []
    assert await stage.states() == [("thanks", "cancelled")]


async def test_what_was_queued_keeps_its_message_id_for_ever(stage: Stage) -> None:
    await stage.know(contact(1))
    enrolment = await stage.enrol(1)
    [message] = await stage.rows("SELECT id, internet_message_id FROM messages")
    assert message["internet_message_id"] == f"{message['id']}.thanks@school.example"
    async with stage.work() as work:
        await work.connection.execute("TRUNCATE messages, enrolments, timers")
    assert (await stage.enrol(1)).id == enrolment.id
    assert await stage.value("SELECT internet_message_id FROM messages") == message["internet_message_id"]


async def test_an_unknown_sequence_is_an_error_of_its_own(stage: Stage) -> None:
    await stage.know(contact(1))
    stage.rules = rules(sequences={})
    with pytest.raises(KeyError):
        await stage.enrol(1)
