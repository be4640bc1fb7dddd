"""Takes an enrolment from step to step: what is due is queued, what comes later is armed."""

from dataclasses import replace
from datetime import datetime

from services.notifications.domain.enrolment import internet_message_id, message_id
from services.notifications.domain.rules import Sequence
from services.notifications.domain.schedule import next_due, zone_of
from services.notifications.store.enrolments import Enrolment
from services.notifications.store.messages import NewMessage
from services.notifications.usecases.ending import STEP_TIMER
from services.runtime.cause import Cause
from services.runtime.work import Work


def advance(
    work: Work,
    enrolment: Enrolment,
    sequence: Sequence,
    position: int,
    *,
    anchor: datetime,
    zone: str | None,
    domain: str,
    cause: Cause | None = None,
) -> tuple[Enrolment, list[NewMessage]]:
    """The messages of every step from `position` on that is due by now; the first that is not is armed.

    `anchor` is when the step before was due; `zone` the contact's, if known. The caller writes the
    messages, and which step the enrolment is armed for.
    """
    local = zone_of(zone, sequence.zone)
    queued: list[NewMessage] = []
    for place in range(position, len(sequence.steps)):
        step = sequence.steps[place]
        due = next_due(anchor, step.delay, step.at, local)
        if due > work.now:
            work.arm(
                STEP_TIMER,
                str(enrolment.id),
                due,
                zone=local.key,
                rule=step.rule,
                late_after=step.late_after,
                generation=place,
                cause=cause,
                correlation=enrolment.correlation,
            )
            return replace(enrolment, armed_step=place), queued
        queued.append(queue(work, enrolment, sequence, place, due=due, domain=domain, cause=cause))
        anchor = due
    return replace(enrolment, armed_step=None), queued


def queue(
    work: Work,
    enrolment: Enrolment,
    sequence: Sequence,
    position: int,
    *,
    due: datetime,
    domain: str,
    cause: Cause | None = None,
) -> NewMessage:
    """The message of a step that is due. There is one per enrolment and step, for ever."""
    step = sequence.steps[position]
    new_id = message_id(enrolment.id, step.name)
    new = NewMessage(
        id=new_id,
        enrolment_id=enrolment.id,
        contact_id=enrolment.contact_id,
        step=step.name,
        position=position,
        medium=step.medium,
        purpose=sequence.purpose,
        internet_message_id=internet_message_id(new_id, step.name, domain),
        unknown_policy=step.unknown,
        due_at=due,
        late_at=due + step.late_after,
        created_at=work.now,
    )
    work.note(
        f"queued message {step.name} of {sequence.name}",
        names=[new.id, new.internet_message_id, enrolment.id, enrolment.contact_id, enrolment.deal_id],
        cause=cause,
        correlation=enrolment.correlation,
    )
    return new
