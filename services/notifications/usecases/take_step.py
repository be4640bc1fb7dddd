"""What happens when the time of a step has come."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from services.notifications.domain.rules import Rules
from services.notifications.store import contacts, enrolments, messages
from services.notifications.store.enrolments import Enrolment
from services.notifications.usecases.ending import conclude
from services.notifications.usecases.steps import advance, queue
from services.runtime.errors import Retryable
from services.runtime.timers import Timer
from services.runtime.work import Work

_SOON = timedelta(milliseconds=100)
RulesOf = Callable[[str], Awaitable[Rules]]


async def take_step(work: Work, timer: Timer, rules_of: RulesOf, *, domain: str | None = None) -> bool:
    """Queue the step's message and arm the next step; False when the timer had been overtaken.

    A step that fires too late is queued all the same: the gate refuses it, and says so. Raises Retryable
    while somebody else holds the enrolment.
    """
    id = UUID(timer.key)
    enrolment = await enrolments.lock_if_free(work.connection, id)
    if enrolment is None and await enrolments.read(work.connection, id):
        # Whoever holds it may wait for this very timer, to disarm it.
        raise Retryable("the enrolment is being dealt with", after=_SOON)
    if enrolment is None or not _is_armed(enrolment, timer):
        return False
    rules = await rules_of(enrolment.version)
    sequence = rules.sequences[enrolment.sequence]
    contact = await contacts.read(work.connection, enrolment.contact_id)
    host = domain or rules.sender_of(sequence).domain
    due = queue(work, enrolment, sequence, timer.generation, due=timer.due_at, domain=host)
    after, more = advance(
        work,
        enrolment,
        sequence,
        timer.generation + 1,
        anchor=work.now,
        zone=contact.zone if contact else None,
        domain=host,
    )
    await messages.insert(work.connection, [due, *more])
    await enrolments.arm(work.connection, enrolment.id, after.armed_step)
    await conclude(work, {id: after}, {})
    return True


def _is_armed(enrolment: Enrolment, timer: Timer) -> bool:
    return enrolment.running and enrolment.armed_step == timer.generation
