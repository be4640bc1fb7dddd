"""The last question before a message goes out: may it, must it not, is there still a reason to."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from contracts.notifications import EndReason, FailureReason


@dataclass(frozen=True, slots=True)
class Standing:
    """All that the decision depends on, read under the contact's lock."""

    running: bool
    suppressed: bool
    address: str | None
    late_at: datetime | None
    purpose: str | None = None
    consents: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Go ahead (`passes`), drop it silently (`cancelled`), or refuse it for a reason.

    `ends` says what a refusal means for the whole enrolment; None lets it go on to its next step.
    """

    passes: bool = False
    cancelled: bool = False
    reason: FailureReason | None = None
    detail: str = ""
    ends: EndReason | None = None


PASSES = Verdict(passes=True)
CANCELLED = Verdict(cancelled=True)


def gate(standing: Standing, now: datetime) -> Verdict:
    """Decide on one message at the moment of sending."""
    if not standing.running:
        return CANCELLED
    if standing.suppressed:
        return Verdict(reason="suppressed", detail="opted out", ends="opted_out")
    if standing.purpose is not None and standing.purpose not in standing.consents:
        detail = f"no consent to {standing.purpose}"
        return Verdict(reason="suppressed", detail=detail, ends="undeliverable")
    if not standing.address:
        detail = "no usable address for this medium"
        return Verdict(reason="no_address", detail=detail, ends="undeliverable")
    if standing.late_at is not None and now > standing.late_at:
        return Verdict(reason="too_late", detail="its time had passed")
    return PASSES
