"""What is known of a person: blanks are filled, the survivor of a merge keeps its own."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.leads.domain.contact import (
    MOST_CONSENTS,
    MOST_KINDS_OF_NOTES,
    MOST_NOTES,
    Contact,
    Held,
    Sighting,
    absorb,
    describe,
    proof,
)
from services.leads.domain.identity import Key, Reading
from services.leads.domain.lead import LONGEST_FIELDS, LONGEST_TITLE, brief, title_of
from services.leads.domain.rules import LONGEST_CONTACT_FIELD, Asked, FieldRule, Rules
from tests.leads.stage import BEGIN

PHONE, MAIL = Key("phone", "+79261234567"), Key("email", "ivan@example.com")


def _contact(number: int = 1, **more: object) -> Contact:
    return Contact(UUID(int=number), BEGIN, **more)  # type: ignore[arg-type]


def test_blanks_are_filled_and_the_latest_value_of_a_field_counts() -> None:
    contact = _contact(name="Ivan", fields={"course": "en", "level": "A1"})
    assert describe(
        contact, Sighting(BEGIN, Reading(), name="Petrov", language="ru", fields={"course": "de"})
    )
    assert (contact.name, contact.language) == ("Ivan", "ru")
    assert contact.fields == {"course": "de", "level": "A1"}
    assert not describe(contact, Sighting(BEGIN, Reading(), name="Petrov", language="en"))


def test_notes_are_kept_once_and_not_without_end() -> None:
    contact = _contact()
    for number in [1, 1, *range(50)]:
        describe(contact, Sighting(BEGIN, Reading(notes=(("phone", str(number)),))))
    assert len(contact.fields["invalid_phone"]) == MOST_NOTES


def test_the_survivor_keeps_its_own_and_takes_what_it_lacks() -> None:
    survivor = _contact(1, name="Ivan", consents=("news",), fields={"course": "en"})
    absorbed = _contact(
        2, name="Maria", zone="Europe/Moscow", consents=("calls",), fields={"course": "de", "x": "1"}
    )
    survivor.identities[PHONE] = Held(PHONE, BEGIN + timedelta(days=1), 0)
    absorbed.identities[MAIL] = Held(MAIL, BEGIN, 0)
    absorb(survivor, absorbed)
    assert (survivor.name, survivor.zone, survivor.consents) == ("Ivan", "Europe/Moscow", ("calls", "news"))
    assert survivor.fields == {"course": "en", "x": "1"}
    assert [held.key for held in survivor.held()] == [MAIL, PHONE]
    assert (absorbed.name, absorbed.merged_into) == ("Maria", survivor.id)


def test_the_proof_of_a_merge_names_kinds_and_no_values() -> None:
    absorbed = _contact(identities={key: Held(key, BEGIN, 0) for key in (PHONE, MAIL)})
    assert proof(Reading(strong=(PHONE, MAIL, Key("telegram", "1"))), absorbed) == "email, phone"


@pytest.mark.parametrize(
    ("given", "zone"),
    [
        ({"timezone": "Asia/Yekaterinburg"}, "Asia/Yekaterinburg"),
        ({"zone": "Nowhere/City", "timezone": "Europe/Moscow"}, "Europe/Moscow"),
        ({"zone": "../../etc/passwd"}, None),
        ({"zone": ["Europe/Moscow"]}, None),
        ({"zone": "\x00"}, None),
        ({}, None),
    ],
)
def test_a_time_zone_is_believed_when_there_is_such_a_zone(given: dict[str, str], zone: str | None) -> None:
    asked = Asked(at=BEGIN, channel="site", kind="form", medium="form", fields=given)
    assert Rules().sighting(asked).zone == zone


def test_only_fields_that_are_meant_for_it_go_to_the_contact() -> None:
    rules = Rules(fields={"course": FieldRule(on_contact=True), "budget": FieldRule("number")})
    asked = Asked(
        at=BEGIN, channel="s", kind="form", medium="form", fields={"course": "en", "budget": "1", "utm": "x"}
    )
    assert rules.sighting(asked).fields == {"course": "en"}


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        (" Prices ", "Hello", "Prices"),
        (None, "\n\n  Hello there \nmore", "Hello there"),
        ("", " \n ", "Enquiry from site"),
        (None, "x" * 500, "x" * (LONGEST_TITLE - 1) + "…"),
    ],
)
def test_a_lead_is_called_by_what_it_is_about(title: str | None, text: str, expected: str) -> None:
    assert title_of(title, text, "site") == expected


def test_nobody_can_make_a_contact_grow_without_end() -> None:
    contact = _contact()
    for number in range(300):
        notes = ((f"kind{number}", "?"),)
        describe(contact, Sighting(BEGIN, Reading(notes=notes), consents=frozenset({f"purpose {number}"})))
    assert len(contact.fields) == MOST_KINDS_OF_NOTES
    assert len(contact.consents) == MOST_CONSENTS
    rules = Rules(fields={"essay": FieldRule(on_contact=True), "list": FieldRule("list", on_contact=True)})
    long: dict[str, str | list[str]] = {"essay": "x" * 10_000, "list": ["y" * 300] * 1_000}
    kept = rules.sighting(Asked(at=BEGIN, channel="s", kind="form", medium="form", fields=long)).fields
    assert sum(len("".join(value)) for value in kept.values()) <= 2 * LONGEST_CONTACT_FIELD


@given(
    st.dictionaries(st.text(max_size=20), st.text(max_size=50) | st.lists(st.text(max_size=9), max_size=5))
)
def test_a_lead_carries_ordinary_fields_as_they_are(fields: dict[str, str | list[str]]) -> None:
    assert brief(fields) == fields


def test_a_lead_carries_no_more_than_the_bus_takes() -> None:
    fields = {f"field {number}": "x" * 100_000 for number in range(1_000)}
    carried = brief(fields)
    assert 0 < sum(len(name) + len(value) for name, value in carried.items()) <= LONGEST_FIELDS
