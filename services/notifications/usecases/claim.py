"""Takes due messages through the gate and marks those that pass as sending, before anything is on the wire.

Opt-outs, replies and cancellations lock the same contact row: whichever commits first, holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.notifications.domain.enrolment import RUNNING
from services.notifications.domain.gate import Standing, Verdict, gate
from services.notifications.store import enrolments, messages
from services.notifications.store.contacts import Contact
from services.notifications.store.enrolments import Enrolment
from services.notifications.store.messages import Message, Moved, Started
from services.notifications.usecases.ending import conclude
from services.notifications.usecases.tell import cause_of, tell_cancelled, tell_not_sent
from services.runtime.cause import Cause
from services.runtime.work import Work


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that may be sent now, by us alone, and what its letter is made of."""

    message: Message
    contact: Contact
    address: str
    attempt: int


async def claim(work: Work, owner: UUID, most: int, lease: timedelta) -> list[Claimed]:
    """Start up to `most` due messages. Refused ones are settled in the same transaction."""
    held = await messages.lock_contacts_due(work.connection, work.now, most)
    if not held:
        return []
    passed: list[Claimed] = []
    refused: list[tuple[Message, Verdict]] = []
    for message, suppressed in await messages.lock_queued(work.connection, work.now, held, most):
        contact = held[message.contact_id]
        verdict = gate(_standing(message, contact, suppressed), work.now)
        if verdict.passes and contact.email:
            passed.append(Claimed(message, contact, contact.email, message.attempts + 1))
        else:
            refused.append((message, verdict))
    if passed:
        started = [Started(one.message.id, one.address) for one in passed]
        await messages.start(work.connection, started, owner, work.now, work.now + lease)
    if refused:
        locked = await enrolments.lock_of_messages(work.connection, [one.id for one, _ in refused])
        await refuse(work, refused, locked)
    return passed


def _standing(message: Message, contact: Contact, suppressed: bool) -> Standing:
    return Standing(
        running=message.enrolment_state == RUNNING,
        suppressed=suppressed,
        address=contact.email,
        late_at=message.late_at,
        purpose=message.purpose,
        consents=contact.consents,
    )


async def refuse(
    work: Work,
    refused: Sequence[tuple[Message, Verdict]],
    locked: Mapping[UUID, Enrolment],
) -> None:
    """Settle messages that the gate did not let through; they and their enrolments are locked."""
    await messages.move(work.connection, [_moved(work, message, verdict) for message, verdict in refused])
    causes: dict[UUID, Cause] = {}
    for message, verdict in refused:
        cause = cause_of(message, message.attempts, "gate")
        causes[message.enrolment_id] = cause
        if verdict.reason is not None:
            tell_not_sent(work, message, cause, verdict.reason, verdict.detail)
        else:
            tell_cancelled(work, message, cause)
    await conclude(work, {id: locked[id] for id in causes}, causes)


def _moved(work: Work, message: Message, verdict: Verdict) -> Moved:
    return Moved(
        message.id,
        "not_sent" if verdict.reason else "cancelled",
        reason=verdict.reason,
        detail=verdict.detail,
        ends=verdict.ends,
        settled_at=work.now,
        repeats=message.repeats,
    )
