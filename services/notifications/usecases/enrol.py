"""Starts a sequence for a contact, once per contact, sequence and deal."""

from datetime import timedelta

from prometheus_client import Counter

from contracts.notifications import EnrolContact, SequenceEnrolled
from services.notifications.domain.enrolment import RUNNING, enrolment_id
from services.notifications.domain.rules import Rules, Sequence
from services.notifications.store import contacts, enrolments
from services.notifications.store.contacts import Contact
from services.notifications.store.enrolments import Enrolment
from services.notifications.usecases.steps import advance
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
    sequence = rules.sequences[wish.sequence]
    contact = (await contacts.lock(work.connection, [wish.contact_id])).get(wish.contact_id)
    if contact is None or not contact.known:
        raise Retryable("the contact is not known here yet", after=_SOON)
    before = await enrolments.find(work.connection, contact.id, wish.sequence, wish.deal_id)
    if before is not None:
        ENROLLED.labels("repeated").inc()
        return before
    enrolment = await _begin(work, wish, contact, sequence, version)
    ENROLLED.labels("enrolled").inc()
    return await advance(
        work,
        enrolment,
        sequence,
        0,
        anchor=work.now,
        zone=contact.zone,
        domain=domain or rules.sender_of(sequence).domain,
    )


async def _begin(
    work: Work, wish: EnrolContact, contact: Contact, sequence: Sequence, version: str
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
        correlation=work.cause.correlation,
        traceparent=work.cause.traceparent,
        enrolled_at=work.now,
    )
    await enrolments.insert(work.connection, enrolment, wish.contact_id)
    work.emit(
        SequenceEnrolled(
            contact_id=contact.id,
            enrolment_id=enrolment.id,
            sequence=sequence.name,
            sequence_version=version,
            deal_id=wish.deal_id,
            enrolled_at=work.now,
        )
    )
    work.note(f"enrolled in sequence {sequence.name}", names=[enrolment.id, contact.id, wish.deal_id])
    return enrolment
