"""Logging interactions: one contact, one open lead, each told to the others once."""

from contracts.leads import (
    ContactChanged,
    ContactMerged,
    ContactTouched,
    LeadCaptured,
    LeadMerged,
)
from tests.leads.stage import Stage, interaction, of_type, received

PHONE = ("phone", "+7 926 123-45-67")
MAIL = ("email", "Ivan@Example.com")


async def test_a_stranger_becomes_a_contact_with_a_lead(stage: Stage) -> None:
    await stage.log(
        interaction(1, PHONE, MAIL, name="  Ivan\n Petrov ", text="\n Hello there\nmore", consents=["news"])
    )
    told = await stage.published()
    assert [envelope.type for envelope in told] == [
        ContactChanged.TYPE,
        LeadCaptured.TYPE,
        ContactTouched.TYPE,
    ]
    changed, captured, touched = (envelope.data for envelope in told)
    assert changed["identities"] == [
        {"kind": "phone", "value": "+79261234567"},
        {"kind": "email", "value": "ivan@example.com"},
    ]
    assert (changed["name"], changed["version"], changed["consents"]) == ("Ivan Petrov", 1, ["news"])
    assert captured["title"] == "Hello there"
    assert captured["contact_name"] == "Ivan Petrov"
    assert touched["first"] is True
    assert touched["lead_id"] == captured["lead_id"]
    assert {envelope.correlationid for envelope in told} == {"delivery-1"}


async def test_a_later_touch_goes_on_with_the_open_lead(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE))
    await stage.log(interaction(2, ("phone", "8 926 1234567"), medium="call"))
    told = await stage.published()
    assert len(of_type(told, LeadCaptured)) == 1
    assert len(of_type(told, ContactChanged)) == 1, "nothing new was learnt"
    touched = of_type(told, ContactTouched)[-1]
    assert touched.data["first"] is False
    assert touched.correlationid == "delivery-1", "it goes on under the lead's correlation"
    notes = await stage.rows("SELECT correlation, names FROM journal ORDER BY id")
    assert [note["correlation"] for note in notes] == ["delivery-1", "delivery-1"]
    assert "delivery-2" in notes[1]["names"]


async def test_what_is_learnt_later_fills_blanks_and_raises_the_version(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE))
    await stage.log(interaction(2, PHONE, MAIL, name="Ivan"))
    await stage.log(interaction(3, MAIL, name="Somebody Else"))
    changes = of_type(await stage.published(), ContactChanged)
    assert [change.data["version"] for change in changes] == [1, 2]
    assert changes[-1].data["name"] == "Ivan"
    assert await stage.people() == {frozenset({"phone:+79261234567", "email:ivan@example.com"})}


async def test_the_same_interaction_again_changes_nothing(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE))
    before = await stage.state()
    await stage.log_facts([received(interaction(1, PHONE, MAIL), event_id="published-again")])
    await stage.log_facts([received(interaction(1, PHONE)), received(interaction(1, PHONE))])
    assert await stage.state() == before


async def test_an_interaction_that_links_two_contacts_merges_them(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE, name="Ivan"))
    await stage.log(interaction(2, MAIL, language="ru"))
    await stage.log(interaction(3, MAIL, PHONE))
    told = await stage.published()
    first, second = (envelope.data for envelope in of_type(told, LeadCaptured))
    (merged,) = of_type(told, ContactMerged)
    assert merged.data == {
        "contact_id": first["contact_id"],
        "absorbed_id": second["contact_id"],
        "reason": "email",
    }
    (ended,) = of_type(told, LeadMerged)
    assert ended.data["lead_id"] == second["lead_id"]
    assert ended.data["into_lead_id"] == first["lead_id"]
    last = of_type(told, ContactChanged)[-1].data
    assert (last["contact_id"], last["name"], last["language"]) == (first["contact_id"], "Ivan", "ru")
    order = [envelope.type for envelope in told[-4:]]
    assert order == [ContactMerged.TYPE, LeadMerged.TYPE, ContactChanged.TYPE, ContactTouched.TYPE]


async def test_nobody_in_particular_gets_a_contact_of_its_own_each_time(stage: Stage) -> None:
    await stage.log(interaction(1, ("phone", "12")), interaction(2), interaction(3, ("phone", "12")))
    contacts = await stage.rows("SELECT fields FROM contacts ORDER BY first_seen_at")
    assert [contact["fields"] for contact in contacts] == [
        {"invalid_phone": ["12"]},
        {},
        {"invalid_phone": ["12"]},
    ]
    assert await stage.value("SELECT count(*) FROM leads") == 3


async def test_a_hint_finds_a_contact_but_never_joins_two(stage: Stage) -> None:
    visitor = ("visitor", "c0ffee")
    await stage.log(interaction(1, PHONE, visitor))
    await stage.log(interaction(2, visitor))
    await stage.log(interaction(3, MAIL, visitor))
    assert await stage.people() == {
        frozenset({"phone:+79261234567", "visitor:c0ffee"}),
        frozenset({"email:ivan@example.com"}),
    }
    assert await stage.value("SELECT count(*) FROM interactions WHERE lead_id IS NOT NULL") == 3


async def test_a_closed_lead_is_followed_by_a_new_one(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE))
    await stage.database.pool.execute("UPDATE leads SET status = 'closed'")
    await stage.log(interaction(2, PHONE))
    assert len(of_type(await stage.published(), LeadCaptured)) == 2


async def test_a_corrected_reading_corrects_the_contact_and_makes_no_second_lead(stage: Stage) -> None:
    await stage.log(interaction(1, ("phone", "12"), text="wrong"))
    await stage.log_facts([received(interaction(1, PHONE, text="right"), revision=1)])
    await stage.log_facts([received(interaction(1, ("phone", "13")), revision=1, event_id="late")])
    assert await stage.people() == {frozenset({"phone:+79261234567"})}
    assert await stage.value("SELECT count(*) FROM leads") == 1
    assert await stage.value("SELECT text FROM interactions") == "right"
    assert [e.type for e in await stage.published()][3:] == [ContactChanged.TYPE]


async def test_a_corrected_reading_may_show_two_contacts_to_be_one(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE), interaction(2, MAIL))
    await stage.log(interaction(3, PHONE, MAIL))
    await stage.log_facts([received(interaction(2, ("telegram", "4711")), revision=1)])
    assert await stage.people() == {
        frozenset({"phone:+79261234567", "email:ivan@example.com", "telegram:4711"})
    }


async def test_what_cannot_be_stored_is_left_out(stage: Stage) -> None:
    await stage.log(
        interaction(
            1,
            ("telegram", "47\x0011"),
            name="I\x00van",
            title="a\x00b",
            text="\x00",
            fields={"na\x00me": ["x\x00", "y"]},
            external_id="\x00",
            message_id="m\x00",
            consents=["ne\x00ws"],
        )
    )
    assert await stage.people() == {frozenset({"telegram:4711"})}
    assert await stage.value("SELECT fields FROM interactions") == {"name": ["x", "y"]}


async def test_the_journal_names_ids_and_nobody(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE, MAIL, name="Ivan", external_id="vendor-7", message_id="m@x"))
    (note,) = await stage.rows("SELECT did, names FROM journal")
    assert {"vendor-7", "m@x", "delivery-1"} <= set(note["names"])
    assert "Ivan" not in note["did"]


async def test_an_endless_id_from_outside_is_no_name(stage: Stage) -> None:
    await stage.log(interaction(1, PHONE, message_id="m" * 100_000, external_id="vendor-7"))
    (note,) = await stage.rows("SELECT names FROM journal")
    assert "vendor-7" in note["names"]
    assert max(map(len, note["names"])) < 100


async def test_a_huge_enquiry_is_kept_whole_and_its_facts_fit_the_bus(stage: Stage) -> None:
    fields: dict[str, str | list[str]] = {f"field {number}": "я" * 100 for number in range(2_000)}
    replied = [f"{number}@example.com" for number in range(5_000)]
    await stage.log(interaction(1, PHONE, text="я" * 200_000, fields=fields, in_reply_to=replied))
    assert await stage.value("SELECT length(text) FROM interactions") == 200_000
    assert await stage.value("SELECT max(octet_length(body)) FROM outbox") < 200_000
