"""Identity: equal spellings meet, nothing breaks it, and invalid values identify nobody."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.leads.domain.identity import (
    EMAIL,
    MOST_IDENTITIES,
    PHONE,
    Key,
    Recognition,
    normalize,
    readings,
)

REGIONS = st.sampled_from(["RU", "DE", "US", "KZ", "IT", "AR"])
MOBILE = st.builds("9{:02d}{:07d}".format, st.sampled_from([3, 16, 26]), st.integers(0, 9_999_999))


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """Two ways in which people write one Russian mobile number."""
    digits = draw(MOBILE)

    def spell() -> str:
        prefix = draw(st.sampled_from(["+7", "8", "7", "", "+7 ", "8 ", "8-10-7"]))
        a, b, c, d = digits[:3], digits[3:6], digits[6:8], digits[8:]
        shape = draw(
            st.sampled_from(["{}{}{}{}", "({}) {}-{}-{}", "{} {} {} {}", "{}-{}-{}-{}", "{}.{}.{}{}"])
        )
        padding = draw(st.sampled_from(["", " ", "\t", "\x00"]))
        return padding + prefix + shape.format(a, b, c, d) + padding

    return spell(), spell()


@given(spellings())
def test_spellings_of_one_phone_are_one_identity(pair: tuple[str, str]) -> None:
    first, second = (normalize(PHONE, value, "RU") for value in pair)
    assert first is not None
    assert first == second
    assert first.value.startswith("+79")


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), REGIONS)
def test_every_country_reads_its_own_and_the_international_spelling(own: str, other: str) -> None:
    example = phonenumbers.example_number(own)
    assert example is not None
    national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
    abroad = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    assert normalize(PHONE, national, own) == normalize(PHONE, abroad, other) is not None


@given(st.sampled_from([PHONE, EMAIL, "telegram", "visitor"]), st.text(max_size=320), REGIONS)
def test_normalizing_is_total_and_idempotent(kind: str, value: str, region: str) -> None:
    once = normalize(kind, value, region)
    if once is not None:
        assert normalize(once.kind, once.value, region) == once
        assert normalize(once.kind, once.value, "AR") == once


ADDRESSES = st.from_regex(r"[a-zA-Zа-яА-Я0-9.+_-]{1,20}@[a-zA-Zа-я0-9-]{1,20}\.(com|рф|test)", fullmatch=True)
ODD_ADDRESSES = st.from_regex(r"[aAİßſǅ.]{1,9}@[aAßéÉ-]{1,9}\.(com|рф)", fullmatch=True)


@given(ADDRESSES)
def test_case_of_an_address_does_not_matter(value: str) -> None:
    assert normalize(EMAIL, value.swapcase(), "RU") == normalize(EMAIL, value, "RU")


@given(ADDRESSES | ODD_ADDRESSES)
def test_a_normalized_address_stays_as_it_is(value: str) -> None:
    once = normalize(EMAIL, value, "RU")
    if once is not None:
        assert normalize(EMAIL, once.value, "RU") == once


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Ivan.Petrov@Example.COM", "ivan.petrov@example.com"),
        (" a@example.org ", "a@example.org"),
        ("почта@ПРИМЕР.рф", "почта@xn--e1afmkfd.xn--p1ai"),
        ("почта@xn--e1afmkfd.xn--p1ai", "почта@xn--e1afmkfd.xn--p1ai"),
        ("a.b+tag@gmail.com", "a.b+tag@gmail.com"),
    ],
)
def test_an_address_has_one_spelling(given: str, expected: str) -> None:
    assert normalize(EMAIL, given, "RU") == Key(EMAIL, expected)


def test_dots_in_gmail_addresses_tell_people_apart() -> None:
    assert normalize(EMAIL, "a.b@gmail.com", "RU") != normalize(EMAIL, "ab@gmail.com", "RU")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (PHONE, "112"),
        (PHONE, "1111111111"),
        (PHONE, "+7 926"),
        (PHONE, "call me"),
        (PHONE, "+7 495 123-45-67 ext. 12"),
        (EMAIL, "a@b"),
        (EMAIL, "not an address"),
        (EMAIL, "Ivan <ivan@example.com>"),
        ("telegram", "  "),
        (" ", "4711"),
    ],
)
def test_what_is_invalid_identifies_nobody(kind: str, value: str) -> None:
    assert normalize(kind, value, "RU") is None


def test_invalid_values_are_kept_as_notes_and_shared_ones_are_weak() -> None:
    recognition = Recognition("RU", frozenset({Key(PHONE, "+74951234567")}))
    reading = recognition.read(
        [
            (PHONE, "8 495 123 45 67"),
            (PHONE, "12"),
            (EMAIL, "A@example.com"),
            ("telegram", "4711"),
            ("visitor", "c0ffee"),
            (EMAIL, "a@EXAMPLE.com"),
        ]
    )
    assert reading.strong == (Key(EMAIL, "a@example.com"), Key("telegram", "4711"))
    assert reading.weak == (Key(PHONE, "+74951234567"), Key("visitor", "c0ffee"))
    assert reading.notes == ((PHONE, "12"),)


def test_a_flood_of_identities_is_cut_off() -> None:
    reading = Recognition().read(("telegram", str(number)) for number in range(1000))
    assert len(reading.strong) == MOST_IDENTITIES
    assert len(reading.notes) == MOST_IDENTITIES


@given(st.lists(st.tuples(st.text(max_size=10), st.text(max_size=40)), max_size=30))
def test_reading_is_total(identities: list[tuple[str, str]]) -> None:
    reading = Recognition().read(identities)
    assert len(set(reading.keys)) == len(reading.keys) <= MOST_IDENTITIES
    assert not any("\x00" in key.kind + key.value for key in reading.keys)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("8 (926) 123-45-67", [Key(PHONE, "+79261234567")]),
        ("Ivan@Example.com", [Key(EMAIL, "ivan@example.com")]),
        ("telegram:4711", [Key("telegram", "4711")]),
        ("email:Ivan@Example.com", [Key(EMAIL, "ivan@example.com")]),
        ("nobody", []),
    ],
)
def test_what_people_type_is_read_as_identities(typed: str, expected: list[Key]) -> None:
    assert readings(typed, "RU") == expected
