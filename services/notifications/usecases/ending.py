"""Ends enrolments: one terminal reason each, told once, nothing left armed or queued."""

from collections.abc import Collection, Mapping
from uuid import UUID

from prometheus_client import Counter

from contracts.notifications import EndReason, SequenceEnded
from services.notifications.domain.enrolment import ending
from services.notifications.store import enrolments, messages
from services.notifications.store.enrolments import Enrolment
from services.notifications.usecases.tell import cause_of, tell_cancelled
from services.runtime.cause import Cause
from services.runtime.work import Work

STEP_TIMER = "step"
_ALL_DONE = ("completed", "unknown")
ENDED = Counter("leadwire_enrolments_ended_total", "Enrolments that ended.", ["reason"])


async def end(
    work: Work,
    ended: Mapping[EndReason, Collection[Enrolment]],
    causes: Mapping[UUID, Cause] | None = None,
) -> int:
    """End those of the enrolments, all locked, that still run; returns how many."""
    reasons = {
        enrolment.id: (reason, enrolment)
        for reason, several in ended.items()
        for enrolment in several
        if enrolment.running
    }
    if not reasons:
        return 0
    await enrolments.end(work.connection, {id: reason for id, (reason, _) in reasons.items()}, work.now)
    if early := [id for id, (reason, _) in reasons.items() if reason not in _ALL_DONE]:
        for message in await messages.cancel_queued(work.connection, early, work.now):
            tell_cancelled(work, message, cause_of(message, message.attempts, "cancelled"))
    for reason, enrolment in reasons.values():
        _tell(work, enrolment, reason, (causes or {}).get(enrolment.id, work.cause))
    return len(reasons)


async def conclude(work: Work, locked: Mapping[UUID, Enrolment], causes: Mapping[UUID, Cause]) -> bool:
    """End those of the enrolments whose messages leave nothing more to do.

    Returns whether some of them have messages waiting.
    """
    running = {id: enrolment for id, enrolment in locked.items() if enrolment.running}
    if not running:
        return False
    found: dict[EndReason, list[Enrolment]] = {}
    waiting = False
    for id, outcomes in (await messages.outcomes(work.connection, running)).items():
        reason = ending(outcomes, armed=running[id].armed_step is not None)
        if reason is not None:
            found.setdefault(reason, []).append(running[id])
        else:
            waiting |= any(outcome.state == "queued" for outcome in outcomes)
    await end(work, found, causes)
    return waiting


def _tell(work: Work, enrolment: Enrolment, reason: EndReason, cause: Cause) -> None:
    if enrolment.armed_step is not None:
        work.disarm(STEP_TIMER, str(enrolment.id))
    work.emit(
        SequenceEnded(
            contact_id=enrolment.contact_id,
            enrolment_id=enrolment.id,
            sequence=enrolment.sequence,
            sequence_version=enrolment.version,
            reason=reason,
            ended_at=work.now,
        ),
        cause=cause,
        correlation=enrolment.correlation,
    )
    work.note(
        f"ended sequence {enrolment.sequence}: {reason}",
        names=[enrolment.id, enrolment.contact_id, enrolment.deal_id],
        cause=cause,
        correlation=enrolment.correlation,
    )
    ENDED.labels(reason).inc()
