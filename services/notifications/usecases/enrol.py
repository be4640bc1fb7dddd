"""Starts sequences for contacts, once per contact, sequence and deal."""

from collections.abc import Sequence as Several
from datetime import timedelta

from prometheus_client import Counter

from contracts.notifications import EnrolContact, SequenceEnrolled
from services.notifications.domain.enrolment import RUNNING, enrolment_id
from services.notifications.domain.rules import Rules, Sequence
from services.notifications.store import contacts, enrolments, messages
from services.notifications.store.contacts import Contact
from services.notifications.store.enrolments import Begun, Enrolment
from services.notifications.store.messages import NewMessage
from services.notifications.usecases.steps import advance
from services.runtime.cause import Cause
from services.runtime.errors import Retryable
from services.runtime.work import Work

ENROLLED = Counter("leadwire_enrolments_total", "Enrolments, and wishes for one repeated.", ["outcome"])
_SOON = timedelta(milliseconds=100)


async def enrol(
    work: Work, wish: EnrolContact, rules: Rules, version: str, *, domain: str | None = None
) -> Enrolment:
    """Enrol, or find the enrolment that the same wish made before.

    Raises Retryable while leads has not told of the contact yet; KeyError for an unknown sequence.
    """
    [enrolment] = await enrol_all(work, [(wish, work.cause)], rules, version, domain=domain)
    return enrolment


async def enrol_all(
    work: Work,
    wishes: Several[tuple[EnrolContact, Cause]],
    rules: Rules,
    version: str,
    *,
    domain: str | None = None,
) -> list[Enrolment]:
    """The enrolment of each wish, in order: a new one, or the one that the same wish made before.

    Raises Retryable while leads has not told of one of the contacts yet; KeyError for an unknown sequence.
    """
    sequences = [rules.sequences[wish.sequence] for wish, _ in wishes]
    held = await contacts.lock(work.connection, {wish.contact_id for wish, _ in wishes})
    if any(wish.contact_id not in held or not held[wish.contact_id].known for wish, _ in wishes):
        raise Retryable("the contact is not known here yet", after=_SOON)
    found = await enrolments.known(work.connection, {contact.id for contact in held.values()})
    begun: list[Begun] = []
    queued: list[NewMessage] = []
    enrolled: list[Enrolment] = []
    for (wish, cause), sequence in zip(wishes, sequences, strict=True):
        contact = held[wish.contact_id]
        known_by = contact.id, sequence.name, wish.deal_id
        if known_by not in found:
            host = domain or rules.sender_of(sequence).domain
            new = _begun(work, wish, contact, sequence, version, cause)
            found[known_by], more = advance(
                work, new, sequence, 0, anchor=work.now, zone=contact.zone, domain=host, cause=cause
            )
            begun.append(Begun(found[known_by], wish.contact_id))
            queued += more
        enrolled.append(found[known_by])
    await enrolments.insert(work.connection, begun)
    await messages.insert(work.connection, queued)
    ENROLLED.labels("enrolled").inc(len(begun))
    ENROLLED.labels("repeated").inc(len(wishes) - len(begun))
    return enrolled


def _begun(
    work: Work, wish: EnrolContact, contact: Contact, sequence: Sequence, version: str, cause: Cause
) -> Enrolment:
    enrolment = Enrolment(
        id=enrolment_id(wish.contact_id, sequence.name, wish.deal_id),
        contact_id=contact.id,
        sequence=sequence.name,
        version=version,
        deal_id=wish.deal_id,
        state=RUNNING,
        stop_on=sequence.stop_on,
        armed_step=None,
        correlation=cause.correlation,
        traceparent=cause.traceparent,
        enrolled_at=work.now,
    )
    told = SequenceEnrolled(
        contact_id=contact.id,
        enrolment_id=enrolment.id,
        sequence=sequence.name,
        sequence_version=version,
        deal_id=wish.deal_id,
        enrolled_at=work.now,
    )
    work.emit(told, cause=cause)
    names = [enrolment.id, contact.id, wish.deal_id]
    work.note(f"enrolled in sequence {sequence.name}", names=names, cause=cause)
    return enrolment
