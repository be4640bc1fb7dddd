from datetime import timedelta

import pytest

from contracts.interactions import Identity
from tests.notifications.samples import NOW, contact, contact_id, deal_id
from tests.notifications.stage import Stage, reasons


async def test_a_newer_snapshot_replaces_an_older_one_and_never_the_other_way(stage: Stage) -> None:
    await stage.know(contact(1, version=2, name="New"))
    await stage.know(contact(1, version=1, name="Old"), contact(2))
    assert await stage.value("SELECT name FROM contacts WHERE id = $1", contact_id(1)) == "New"


async def test_of_several_snapshots_in_one_set_the_newest_is_kept(stage: Stage) -> None:
    await stage.know(*(contact(1, version=version, name=str(version)) for version in (1, 3, 2)))
    assert await stage.value("SELECT name FROM contacts") == "3"


async def test_the_first_usable_address_is_the_one_written_to(stage: Stage) -> None:
    odd = contact(1).model_copy(
        update={
            "identities": [
                Identity(kind="phone", value="+4930123"),
                Identity(kind="email", value="nonsense"),
                Identity(kind="email", value="good@client.example"),
            ]
        }
    )
    await stage.know(odd)
    assert await stage.value("SELECT email FROM contacts") == "good@client.example"


async def test_a_reply_stops_the_sequence_and_takes_back_what_has_not_started(stage: Stage) -> None:
    await stage.know(contact(1), contact(2))
    await stage.enrol(1, deal=deal_id(1))
    await stage.enrol(2, deal=deal_id(2))
    await stage.touch(1)
    assert sorted(await stage.endings()) == ["replied", "running"]
    assert sorted(await stage.states()) == [("thanks", "cancelled"), ("thanks", "queued")]
    assert len(await stage.armed()) == 1
    assert reasons(await stage.published()) == ["cancelled", "replied"]


async def test_the_touch_that_captured_the_lead_is_no_reply(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    await stage.touch(1, first=True)
    assert await stage.endings() == ["running"]


async def test_a_touch_from_before_the_enrolment_is_no_reply_unless_it_answers_us(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    before = NOW - timedelta(seconds=1)
    await stage.touch(1, occurred_at=before)
    await stage.touch(1, occurred_at=before, in_reply_to=["somebody@else.example"])
    assert await stage.endings() == ["running"]
    ours = await stage.value("SELECT internet_message_id FROM messages")
    await stage.touch(1, occurred_at=before, in_reply_to=["a@b.example", ours])
    assert await stage.endings() == ["replied"]


async def test_a_sequence_that_does_not_stop_on_replies_goes_on(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    await stage.touch(1)
    assert await stage.endings() == ["running"]


async def test_a_second_reply_changes_nothing(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    await stage.touch(1)
    await stage.touch(1)
    assert await stage.types() == ["sequences.enrolled", "messages.not_sent", "sequences.ended"]


async def test_in_a_merge_the_younger_run_of_one_sequence_ends(stage: Stage) -> None:
    await stage.know(contact(1), contact(2))
    old = await stage.enrol(1, deal=deal_id(1))
    stage.clock.time += timedelta(minutes=1)
    await stage.enrol(2, deal=deal_id(2))
    await stage.merge(2, 1)
    assert await stage.endings() == ["running", "merged"]
    running = await stage.rows("SELECT id, contact_id FROM enrolments WHERE state = 'running'")
    assert running == [{"id": old.id, "contact_id": contact_id(2)}]
    ended = (await stage.published())[-1]
    assert ended.data["contact_id"] == str(contact_id(2))


async def test_in_a_merge_the_run_that_has_written_goes_on(stage: Stage) -> None:
    await stage.know(contact(1), contact(2))
    await stage.enrol(1, deal=deal_id(1))
    stage.clock.time += timedelta(minutes=1)
    young = await stage.enrol(2, deal=deal_id(2))
    await stage.database.pool.execute("UPDATE messages SET state = 'sent' WHERE enrolment_id = $1", young.id)
    await stage.merge(1, 2)
    assert await stage.endings() == ["merged", "running"]
    assert sorted(await stage.states()) == [("thanks", "cancelled"), ("thanks", "sent")]


@pytest.mark.parametrize(("first", "late"), [(2, 1), (1, 2)])
async def test_a_wish_made_before_the_merge_was_known_greets_nobody_twice(
    stage: Stage, first: int, late: int
) -> None:
    await stage.know(contact(1), contact(2))
    await stage.merge(2, 1)
    await stage.enrol(first, deal=deal_id(first))
    for _ in range(2):
        await stage.enrol(late, deal=deal_id(late))
    assert sorted(await stage.endings()) == ["merged", "running"]
    assert sorted(await stage.states()) == [("thanks", "cancelled"), ("thanks", "queued")]
    assert len(await stage.armed()) == 1
    told = ["sequences.enrolled", "sequences.enrolled", "messages.not_sent", "sequences.ended"]
    assert await stage.types() == told


async def test_a_new_deal_of_a_merged_contact_has_a_run_of_its_own(stage: Stage) -> None:
    await stage.know(contact(1), contact(2))
    await stage.enrol(1, deal=deal_id(1))
    await stage.merge(2, 1)
    stage.clock.time += timedelta(minutes=2)
    await stage.enrol(2, deal=deal_id(2))
    assert await stage.endings() == ["running", "running"]


async def test_after_a_merge_a_wish_for_either_is_a_wish_for_the_one_that_stays(stage: Stage) -> None:
    await stage.know(contact(1), contact(2))
    await stage.enrol(1, deal=deal_id(1))
    await stage.merge(2, 1)
    await stage.enrol(1, deal=deal_id(1))
    await stage.enrol(2, deal=deal_id(1))
    assert await stage.endings() == ["running"]
    await stage.touch(1)
    assert await stage.endings() == ["replied"]


async def test_merges_follow_one_another_in_any_order_of_news(stage: Stage) -> None:
    await stage.merge(2, 1)
    await stage.merge(3, 2)
    await stage.know(contact(1), contact(2), contact(3))
    enrolment = await stage.enrol(1)
    assert enrolment.contact_id == contact_id(3)
    await stage.merge(1, 3)
    assert await stage.value("SELECT count(*) FROM contacts WHERE merged_into IS NULL") == 1


async def test_when_a_merge_is_undone_each_has_its_own_again(stage: Stage) -> None:
    await stage.know(*(contact(number) for number in (1, 2, 3, 4)))
    for number in (1, 2, 3, 4):
        await stage.enrol(number, "single", deal=deal_id(number))
    await stage.merge(2, 1)
    await stage.merge(3, 2)
    await stage.merge(4, 3)
    # Two, and One whom Two had absorbed before, stand apart from Three and Four again.
    await stage.unmerge(3, 2)
    rows = await stage.rows("SELECT enrolled_contact_id, contact_id FROM enrolments")
    whose = {row["enrolled_contact_id"].int: row["contact_id"].int for row in rows}
    assert whose == {1: 2, 2: 2, 3: 4, 4: 4}
    rows = await stage.rows("SELECT m.contact_id = e.contact_id AS same FROM messages m JOIN enrolments e"
                            " ON e.id = m.enrolment_id")  # fmt: skip
    assert all(row["same"] for row in rows)
    assert (await stage.enrol(1)).contact_id == contact_id(2)
    assert (await stage.enrol(3)).contact_id == contact_id(4)


async def test_news_of_an_absorbed_contact_undo_nothing(stage: Stage) -> None:
    await stage.know(contact(1, version=3), contact(2))
    await stage.merge(2, 1)
    await stage.know(contact(1, version=4), contact(1, version=2))
    assert (await stage.enrol(1)).contact_id == contact_id(2)


async def test_undoing_a_merge_that_was_never_heard_of_changes_nothing(stage: Stage) -> None:
    await stage.know(contact(1))
    before = await stage.enrol(1)
    await stage.unmerge(2, 1)
    assert await stage.rows("SELECT id, contact_id, state FROM enrolments") == [
        {"id": before.id, "contact_id": contact_id(1), "state": "running"}
    ]
