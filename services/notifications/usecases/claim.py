"""Takes due messages through the gate and marks those that pass as sending, before anything is on the wire.

Opt-outs, replies and cancellations lock the same contact row: whichever commits first, holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.notifications.domain.enrolment import RUNNING
from services.notifications.domain.gate import Standing, Verdict, gate
from services.notifications.store import contacts, enrolments, messages, suppressions
from services.notifications.store.contacts import Contact
from services.notifications.store.messages import Message, Moved, Started
from services.notifications.usecases.ending import conclude
from services.notifications.usecases.tell import cause_of, note, tell_not_sent
from services.runtime.cause import Cause
from services.runtime.work import Work

_MEDIUM = "email"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that may be sent now, by us alone, and what its letter is made of."""

    message: Message
    contact: Contact
    address: str
    attempt: int


async def claim(work: Work, owner: UUID, most: int, lease: timedelta) -> list[Claimed]:
    """Start up to `most` due messages. Refused ones are settled in the same transaction."""
    due = await messages.due(work.connection, work.now, most)
    if not due:
        return []
    held = await contacts.lock_free(work.connection, [contact_id for _, contact_id in due])
    suppressed = await _suppressed(work, held)
    locked = await messages.lock_queued(work.connection, [id for id, _ in due], held)
    passed: list[Claimed] = []
    refused: list[tuple[Message, Verdict]] = []
    for message in locked:
        contact = held[message.contact_id]
        verdict = gate(_standing(message, contact, contact.id in suppressed), work.now)
        if verdict.passes and contact.email:
            passed.append(Claimed(message, contact, contact.email, message.attempts + 1))
        else:
            refused.append((message, verdict))
    if passed:
        started = [Started(one.message.id, one.address) for one in passed]
        await messages.start(work.connection, started, owner, work.now, work.now + lease)
    if refused:
        await refuse(work, refused)
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


async def _suppressed(work: Work, held: Mapping[UUID, Contact]) -> set[UUID]:
    """Those of the contacts, held, that must not be written to."""
    emails = {id: contact.email for id, contact in held.items() if contact.email}
    await suppressions.lock_addresses(work.connection, emails.values())
    addresses, people = await suppressions.hit(work.connection, _MEDIUM, emails.values(), held)
    by_address = {id for id, email in emails.items() if suppressions.canonical(email) in addresses}
    return people | by_address


async def refuse(work: Work, refused: Sequence[tuple[Message, Verdict]]) -> None:
    """Settle messages, locked, that the gate did not let through."""
    await messages.move(work.connection, [_moved(work, message, verdict) for message, verdict in refused])
    causes: dict[UUID, Cause] = {}
    for message, verdict in refused:
        cause = cause_of(message, message.attempts, "gate")
        causes[message.enrolment_id] = cause
        if verdict.reason is not None:
            tell_not_sent(work, message, cause, verdict.reason, verdict.detail)
        else:
            note(work, message, cause, f"took back message {message.step}: its sequence had ended")
    locked = await enrolments.lock(work.connection, list(causes))
    await conclude(work, locked, causes)


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
