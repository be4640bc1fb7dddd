"""Spans and wall clocks, over every zone there is."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deals.domain.times import Span, due, instant, is_zone, parse_clock, parse_span

# Naive: hypothesis and `instant` take the zone apart.
FROM, UNTIL = datetime(1971, 1, 1), datetime(2099, 1, 1)  # noqa: DTZ001
ZONES = sorted(available_timezones())
zones = st.sampled_from(ZONES)
moments = st.datetimes(min_value=FROM, max_value=UNTIL, timezones=st.just(UTC))
clocks = st.times().map(lambda at: at.replace(second=0, microsecond=0))
spans = st.builds(Span, st.integers(0, 3600), st.integers(0, 10**6))


def exists(wall: datetime, zone: str) -> bool:
    there = wall.replace(tzinfo=ZoneInfo(zone))
    return there.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall


@given(moments, st.integers(0, 800), zones, clocks)
def test_a_time_of_day_is_kept_in_every_zone(moment: datetime, days: int, zone: str, at: time) -> None:
    result = due(moment, Span(days), zone, at)
    assert result > moment
    local = result.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    first = moment.astimezone(ZoneInfo(zone)).date() + timedelta(days=days)
    assert first <= local.date() <= first + timedelta(days=2)
    wanted = datetime.combine(local.date(), at)
    # Only a time that the clocks jump over may come out as another.
    assert local == wanted or not all(
        exists(datetime.combine(local.date() + timedelta(days=back), at), zone) for back in (0, -1)
    )


@given(moments, st.integers(1, 800), zones)
def test_days_keep_the_wall_time_unless_it_does_not_exist(moment: datetime, days: int, zone: str) -> None:
    result = due(moment, Span(days), zone)
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(days=days)
    if exists(wall, zone) and result != moment:
        assert result.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall
    assert result >= moment


@given(moments, st.integers(0, 10**7), zones)
def test_hours_simply_pass(moment: datetime, seconds: int, zone: str) -> None:
    assert due(moment, Span(0, seconds), zone) == moment + timedelta(seconds=seconds)


@given(spans)
def test_a_span_reads_back_as_it_was_written(span: Span) -> None:
    assert parse_span(str(span)) == span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2d", Span(2)),
        ("1w", Span(7)),
        ("4h", Span(0, 14_400)),
        ("1d 4h", Span(1, 14_400)),
        ("1d4h30m", Span(1, 16_200)),
        (" 90m ", Span(0, 5_400)),
    ],
)
def test_spans_are_read_as_people_write_them(text: str, span: Span) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize("text", ["", "2", "d", "2x", "-1d", "1.5h", "99999d", "1d and 4h", "٣d"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"span|years"):
        parse_span(text)


@pytest.mark.parametrize("text", ["24:00", "9", "10:60", "", "ten", "10:00:00"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time of day"):
        parse_clock(text)


def test_a_time_in_the_spring_gap_is_read_with_the_offset_before_it() -> None:
    wall = datetime.fromisoformat("2025-03-30T02:30")
    assert instant(wall, "Europe/Berlin") == datetime(2025, 3, 30, 1, 30, tzinfo=UTC)


def test_of_two_moments_in_autumn_the_first_is_meant() -> None:
    wall = datetime.fromisoformat("2025-10-26T02:30")
    assert instant(wall, "Europe/Berlin") == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)


def test_a_day_that_the_calendar_skips_is_survived() -> None:
    before = datetime(2011, 12, 29, 20, tzinfo=UTC)
    result = due(before, Span(1), "Pacific/Apia", time(10))
    assert result.astimezone(ZoneInfo("Pacific/Apia")).time() == time(10)


def test_zones_are_known_by_their_iana_name() -> None:
    assert is_zone("Europe/Berlin")
    assert not any(map(is_zone, ["", "Europe/Berln", "../etc/passwd", "/etc/passwd", "a" * 300, "\x00"]))
