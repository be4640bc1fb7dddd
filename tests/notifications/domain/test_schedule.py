from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.schedule import (
    Delay,
    next_due,
    parse_delay,
    parse_time,
    too_late,
    zone_of,
)

ZONES = sorted(available_timezones() - {"Factory", "localtime"})
BERLIN = ZoneInfo("Europe/Berlin")
TEN = time(10)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0m", Delay()),
        ("90m", Delay(0, timedelta(minutes=90))),
        ("2h", Delay(0, timedelta(hours=2))),
        ("1d", Delay(1)),
        ("1w2d", Delay(9)),
        ("1d 12h", Delay(1, timedelta(hours=12))),
    ],
)
def test_delays_are_read_as_people_write_them(text: str, expected: Delay) -> None:
    assert parse_delay(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "1", "d", "1h1d", "-1d", "1.5h", "9999d", "１d"])
def test_what_is_no_delay_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"delay|ten years"):
        parse_delay(text)


@pytest.mark.parametrize("text", ["24:00", "9:30", "10:60", "10", "noon"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="09:30"):
        parse_time(text)


def test_a_step_without_delay_is_due_at_once() -> None:
    assert next_due(utc(2025, 3, 3, 9), Delay(), None, BERLIN) == utc(2025, 3, 3, 9)


@pytest.mark.parametrize("hour", [0, 7, 9, 12, 22])
def test_tomorrow_at_ten_is_tomorrow_whatever_the_hour_of_enrolment(hour: int) -> None:
    enrolled = datetime(2025, 3, 3, hour, 30, tzinfo=BERLIN)
    assert next_due(enrolled, Delay(1), TEN, BERLIN) == utc(2025, 3, 4, 9)


def test_a_time_of_day_without_days_is_today_if_it_is_still_to_come_and_else_tomorrow() -> None:
    assert next_due(utc(2025, 3, 3, 8), Delay(), TEN, BERLIN) == utc(2025, 3, 3, 9)
    assert next_due(utc(2025, 3, 3, 9, 1), Delay(), TEN, BERLIN) == utc(2025, 3, 4, 9)


def test_hours_pass_first_then_the_time_of_day_is_awaited() -> None:
    assert next_due(utc(2025, 3, 3, 8), Delay(0, timedelta(hours=2)), TEN, BERLIN) == utc(2025, 3, 4, 9)


def test_days_keep_the_local_time_over_a_clock_change_while_hours_simply_pass() -> None:
    before = datetime(2025, 3, 29, 12, tzinfo=BERLIN)
    assert next_due(before, Delay(1), None, BERLIN) == datetime(2025, 3, 30, 12, tzinfo=BERLIN)
    day = Delay(0, timedelta(hours=24))
    assert next_due(before, day, None, BERLIN) == datetime(2025, 3, 30, 13, tzinfo=BERLIN)


def test_a_local_time_that_is_skipped_is_taken_as_much_later_as_the_clock_jumps() -> None:
    due = next_due(utc(2025, 3, 29, 12), Delay(1), time(2, 30), BERLIN)
    assert due.astimezone(BERLIN).time() == time(3, 30)


def test_a_local_time_that_comes_twice_means_the_first() -> None:
    assert next_due(utc(2025, 10, 25, 12), Delay(1), time(2, 30), BERLIN) == utc(2025, 10, 26, 0, 30)


def test_a_skipped_day_at_the_date_line_still_has_an_answer() -> None:
    apia = ZoneInfo("Pacific/Apia")
    enrolled = datetime(2011, 12, 29, 12, tzinfo=apia)
    due = next_due(enrolled, Delay(1), TEN, apia)
    assert due.astimezone(apia).replace(tzinfo=None) == datetime(2011, 12, 31, 10)  # noqa: DTZ001


moments = st.datetimes(
    min_value=datetime(1950, 1, 1),  # noqa: DTZ001
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
delays = st.builds(
    Delay,
    days=st.integers(0, 400),
    elapsed=st.integers(0, 60 * 24 * 3).map(lambda minutes: timedelta(minutes=minutes)),
)


@given(
    anchor=moments,
    delay=delays,
    at=st.one_of(st.none(), st.times().map(lambda at: at.replace(second=0, microsecond=0))),
    zone=st.sampled_from(ZONES),
)
def test_in_every_zone_there_is_a_due_time_that_is_not_early_and_not_days_off(
    anchor: datetime, delay: Delay, at: time | None, zone: str
) -> None:
    local = ZoneInfo(zone)
    due = next_due(anchor, delay, at, local)
    assert due.tzinfo is UTC
    assert due >= anchor + delay.elapsed
    # One day for the time of day, one for a skipped day, and what offsets can differ by.
    assert due - anchor <= delay.total + timedelta(days=3, hours=2)
    if at is not None:
        shown = due.astimezone(local)
        jump = shown.utcoffset() - (due - timedelta(days=1)).astimezone(local).utcoffset()  # type: ignore[operator]
        assert shown.time() == at or jump > timedelta()


@given(st.text(max_size=60))
def test_any_text_for_a_zone_gives_a_zone(name: str) -> None:
    assert zone_of(name, "Europe/Berlin").key


def test_the_fallback_zone_holds_for_contacts_without_one() -> None:
    assert zone_of(None, "Asia/Tokyo").key == "Asia/Tokyo"
    assert zone_of("Asia/Nowhere", "Mars/Base").key == "UTC"


def test_too_late_is_later_than_allowed() -> None:
    due, allowed = utc(2025, 3, 3), timedelta(hours=12)
    assert not too_late(due, allowed, due + allowed)
    assert too_late(due, allowed, due + allowed + timedelta(seconds=1))
    assert not too_late(due, None, due + timedelta(days=99))
