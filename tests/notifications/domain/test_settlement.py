import uuid
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from services.notifications.domain.settlement import MOST_REPEATS, Attempt, Change, Result, settle

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)


def settled(result: Result, **given: Any) -> Change:
    attempt = Attempt(uuid.UUID(int=1), given.pop("number", 1), result, "", NOON)
    standing: dict[str, Any] = {"running": True, "policy": "never", "repeats": 0, **given}
    return settle(attempt, now=NOON, random=Random(1), **standing)


def test_what_the_server_took_is_sent() -> None:
    assert settled("sent", running=False).state == "sent"


def test_what_the_server_refused_ends_the_enrolment() -> None:
    assert settled("refused") == Change("not_sent", "rejected", "undeliverable")


def test_what_cannot_be_rendered_lets_the_enrolment_go_on() -> None:
    assert settled("render_failed") == Change("not_sent", "render_failed")


def test_what_certainly_was_not_sent_is_tried_again_ever_more_slowly() -> None:
    waits = []
    for number in (1, 2, 3, 7, 70):
        change = settled("deferred", number=number)
        assert change.state == "queued"
        assert change.next_try_at
        waits.append(change.next_try_at - NOON)
    assert waits == sorted(waits)
    assert timedelta(seconds=0.5) < waits[0] < timedelta(seconds=2)
    assert waits[-1] < timedelta(hours=2)


def test_a_deferred_message_of_an_ended_enrolment_is_taken_back() -> None:
    assert settled("deferred", running=False).state == "cancelled"


def test_an_unknown_fate_is_final_unless_the_step_says_repeat() -> None:
    assert settled("unknown") == Change("unknown", "unknown")


@pytest.mark.parametrize("repeats", range(MOST_REPEATS))
def test_a_step_that_may_be_repeated_is_repeated_a_few_times_only(repeats: int) -> None:
    change = settled("unknown", policy="repeat", repeats=repeats)
    assert (change.state, change.repeats) == ("queued", repeats + 1)
    assert settled("unknown", policy="repeat", repeats=MOST_REPEATS).state == "unknown"
