import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.enrolment import (
    MessageOutcome,
    Run,
    ending,
    enrolment_id,
    internet_message_id,
    message_id,
    repeats,
    stopped_by_touch,
    superseded_by_merge,
)

ANN, BOB, DEAL = uuid.UUID(int=1), uuid.UUID(int=2), uuid.UUID(int=3)
NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
SENT, UNKNOWN = MessageOutcome("sent"), MessageOutcome("unknown")


def run(
    number: int,
    sequence: str = "welcome",
    *,
    after: int = 0,
    stop_on: tuple[str, ...] = (),
    until: int | None = None,
    begun: int = 0,
) -> Run:
    ended_at = None if until is None else NOON + timedelta(minutes=until)
    return Run(uuid.UUID(int=number), sequence, NOON + timedelta(minutes=after), stop_on, ended_at, begun)


def test_ids_are_the_same_for_the_same_wish_and_differ_otherwise() -> None:
    wish = enrolment_id(ANN, "welcome", DEAL)
    assert wish == enrolment_id(ANN, "welcome", DEAL)
    assert len({wish, enrolment_id(BOB, "welcome", DEAL), enrolment_id(ANN, "news", DEAL),
                enrolment_id(ANN, "welcome", None)}) == 4  # fmt: skip
    assert message_id(wish, "one") == message_id(wish, "one") != message_id(wish, "two")


def test_a_message_id_names_message_and_step() -> None:
    assert internet_message_id(ANN, "thanks", "school.example") == f"{ANN}.thanks@school.example"


@pytest.mark.parametrize(
    ("messages", "armed", "expected"),
    [
        ([SENT], True, None),
        ([SENT], False, "completed"),
        ([SENT, MessageOutcome("queued")], False, None),
        ([MessageOutcome("sending")], False, None),
        ([UNKNOWN], True, None),
        ([UNKNOWN, SENT], False, "unknown"),
        ([MessageOutcome("not_sent"), SENT], False, "completed"),
        ([MessageOutcome("not_sent", "undeliverable")], True, "undeliverable"),
        ([MessageOutcome("not_sent", "opted_out"), MessageOutcome("queued")], True, "opted_out"),
    ],
)
def test_a_run_ends_for_one_reason(messages: list[MessageOutcome], armed: bool, expected: str | None) -> None:
    assert ending(messages, armed=armed) == expected


@given(
    st.lists(
        st.sampled_from(["queued", "sending", "sent", "not_sent", "unknown", "cancelled"]).map(
            MessageOutcome  # type: ignore[arg-type]
        )
    ),
    st.booleans(),
)
def test_a_run_goes_on_exactly_while_something_is_left_to_do(
    messages: list[MessageOutcome], armed: bool
) -> None:
    left = armed or any(message.state in ("queued", "sending") for message in messages)
    assert (ending(messages, armed=armed) is None) == left


def test_a_touch_after_the_enrolment_stops_what_stops_on_replies() -> None:
    stops, goes_on = run(1, stop_on=("replied",)), run(2)
    later = NOON + timedelta(minutes=5)
    assert stopped_by_touch([stops, goes_on], later, answers_us=False) == [stops]


def test_a_touch_from_before_the_enrolment_is_no_reply() -> None:
    assert stopped_by_touch([run(1, stop_on=("replied",))], NOON, answers_us=False) == []


def test_an_answer_to_our_letter_is_a_reply_whatever_its_clock_says() -> None:
    stops = run(1, stop_on=("replied",))
    assert stopped_by_touch([stops], NOON - timedelta(days=9), answers_us=True) == [stops]


def test_of_two_runs_through_one_sequence_the_younger_ends_in_a_merge() -> None:
    old, young, other = run(1), run(2, after=5), run(3, "news", after=9)
    assert superseded_by_merge([young, other], [old]) == [young]
    assert superseded_by_merge([old], [young]) == [young]
    assert superseded_by_merge([old, other], []) == []


def test_in_a_merge_the_run_that_has_written_goes_on() -> None:
    old, young = run(1), run(2, after=5, begun=1)
    assert superseded_by_merge([old], [young]) == [old]
    assert superseded_by_merge([young], [old]) == [old]


def test_in_a_merge_a_run_that_wrote_and_ended_meanwhile_ends_the_other() -> None:
    going = run(1, after=5)
    assert superseded_by_merge([going], [run(2, until=9, begun=1)]) == [going]
    assert superseded_by_merge([going], [run(2, until=3, begun=1)]) == []
    assert superseded_by_merge([going], [run(2, until=9)]) == []


def test_runs_of_one_person_from_before_the_merge_do_not_end_each_other() -> None:
    one, two, young = run(1), run(2, after=5), run(3, after=9)
    assert superseded_by_merge([one, two], [young]) == [young]


def test_a_wish_for_an_absorbed_contact_repeats_what_runs_or_wrote_since() -> None:
    def late(rival: Run) -> bool:
        return repeats(NOON, [rival], absorbed=True)

    assert late(run(1, after=-900))
    assert late(run(1, after=-900, until=1, begun=1))
    assert not late(run(1, after=-900, until=1))
    assert not late(run(1, after=-900, until=-2, begun=1))
    assert not repeats(NOON, [], absorbed=True)


def test_a_wish_for_who_stays_repeats_only_what_was_begun_just_now() -> None:
    assert repeats(NOON, [run(1, after=1)], absorbed=False)
    assert not repeats(NOON, [run(1, after=-2)], absorbed=False)
