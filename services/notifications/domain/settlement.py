"""What one attempt at a message means for its state."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Literal

from contracts.notifications import EndReason, FailureReason
from services.notifications.domain.enrolment import MessageState, UnknownPolicy
from services.notifications.domain.retry import backoff

Result = Literal["sent", "refused", "render_failed", "deferred", "untried", "unknown"]
# Even a message that may be repeated goes out three times at most while its fate stays open.
MOST_REPEATS = 2


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a message that is over. `detail` holds no address and no text.

    `deferred` was tried and certainly not sent; `untried` never left this process.
    """

    message_id: uuid.UUID
    number: int
    result: Result
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """The state a message goes to; `ends` when that ends its enrolment."""

    state: MessageState
    reason: FailureReason | None = None
    ends: EndReason | None = None
    next_try_at: datetime | None = None
    repeats: int = 0


def settle(
    attempt: Attempt,
    *,
    running: bool,
    policy: UnknownPolicy,
    repeats: int,
    now: datetime,
    random: Random,
) -> Change:
    """Decide what becomes of the message after this attempt."""
    if attempt.result == "sent":
        return Change("sent", repeats=repeats)
    if attempt.result == "refused":
        return Change("not_sent", "rejected", "undeliverable", repeats=repeats)
    if attempt.result == "render_failed":
        return Change("not_sent", "render_failed", repeats=repeats)
    if attempt.result == "unknown":
        if policy == "never" or repeats >= MOST_REPEATS:
            return Change("unknown", "unknown", repeats=repeats)
        repeats += 1
    if not running:
        return Change("cancelled", repeats=repeats)
    if attempt.result == "untried":
        return Change("queued", next_try_at=now, repeats=repeats)
    wait = backoff(attempt.number, random)
    return Change("queued", next_try_at=now + wait, repeats=repeats)
