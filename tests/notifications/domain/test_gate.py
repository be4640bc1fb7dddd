from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.notifications.domain.gate import CANCELLED, PASSES, Standing, gate

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
FINE = Standing(running=True, suppressed=False, address="ann@client.example", late_at=NOON)


def test_a_message_passes_up_to_the_last_moment() -> None:
    assert gate(FINE, NOON) == PASSES


@pytest.mark.parametrize(
    ("change", "reason", "ends"),
    [
        ({"suppressed": True}, "suppressed", "opted_out"),
        ({"purpose": "news"}, "suppressed", "undeliverable"),
        ({"address": None}, "no_address", "undeliverable"),
        ({"late_at": NOON - timedelta(seconds=1)}, "too_late", None),
    ],
)
def test_a_refusal_has_a_reason_and_says_what_it_ends(
    change: dict[str, object], reason: str, ends: str | None
) -> None:
    verdict = gate(replace(FINE, **change), NOON)  # type: ignore[arg-type]
    assert (verdict.passes, verdict.reason, verdict.ends) == (False, reason, ends)


def test_consent_to_the_purpose_lets_it_pass() -> None:
    assert gate(replace(FINE, purpose="news", consents=["news"]), NOON) == PASSES


def test_a_message_of_an_ended_enrolment_is_taken_back_silently_before_anything_else() -> None:
    assert gate(replace(FINE, running=False, suppressed=True, address=None), NOON) == CANCELLED
