"""Starts sequences for contacts, once per contact, sequence and deal."""

from collections import defaultdict
from collections.abc import Sequence as Several
from datetime import timedelta
from uuid import UUID

from prometheus_client import Counter

from contracts.notifications import EnrolContact, SequenceEnrolled
from services.notifications.domain.enrolment import RUNNING, enrolment_id, repeats
from services.notifications.domain.rules import Rules, Sequence
from services.notifications.store import contacts, enrolments, messages
from services.notifications.store.contacts import Contact
from services.notifications.store.enrolments import Enrolment
from services.notifications.store.messages import NewMessage
from services.notifications.usecases.ending import end
from services.notifications.usecases.steps import advance
from services.runtime.cause import Cause
from services.runtime.errors import Retryable
from services.runtime.received import Received
from services.runtime.work import Work

ENROLLED = Counter("leadwire_enrolments_total", "Enrolments, and wishes for one repeated.", ["outcome"])
_SOON = timedelta(milliseconds=100)


async def enrol_all(
    work: Work,
    wishes: Several[Received[EnrolContact]],
    rules: Rules,
    version: str,
    *,
    domain: str | None = None,
) -> list[Enrolment]:
    """The enrolment of each wish, in order: a new one, or the one that the same wish made before.

    Raises Retryable while leads has not told of one of the contacts yet; KeyError for an unknown sequence.
    """
    sequences = [rules.sequences[wish.data.sequence] for wish in wishes]
    held = await contacts.lock(work.connection, {wish.data.contact_id for wish in wishes})
    if any((contact := held.get(wish.data.contact_id)) is None or not contact.known for wish in wishes):
        raise Retryable("the contact is not known here yet", after=_SOON)
    known = await enrolments.known(work.connection, {contact.id for contact in held.values()})
    book = _Book(known)
    enrolled: list[Enrolment] = []
    for wish, sequence in zip(wishes, sequences, strict=True):
        contact = held[wish.data.contact_id]
        found = known.get((contact.id, sequence.name, wish.data.deal_id))
        if found is None:
            found = await _begin(
                work, book, wish, contact, sequence, version, domain or rules.sender_of(sequence).domain
            )
        enrolled.append(found)
    await book.write(work)
    ENROLLED.labels("enrolled").inc(len(book.begun))
    ENROLLED.labels("repeated").inc(len(wishes) - len(book.begun))
    return enrolled


class _Book:
    """The enrolments of everybody concerned, and what is to be written of the new ones."""

    def __init__(self, known: dict[tuple[UUID, str, UUID | None], Enrolment]) -> None:
        self._known = known
        self._of_person: defaultdict[tuple[UUID, str], list[Enrolment]] = defaultdict(list)
        for one in known.values():
            self._of_person[one.contact_id, one.sequence].append(one)
        self.begun: list[Enrolment] = []
        self._queued: list[NewMessage] = []
        self._repeating: dict[UUID, Cause] = {}

    def others(self, of: Enrolment) -> list[Enrolment]:
        """The person's enrolments in the same sequence that were wished for under another name."""
        theirs = self._of_person[of.contact_id, of.sequence]
        return [one for one in theirs if one.enrolled_contact_id != of.enrolled_contact_id]

    def add(self, new: Enrolment, queued: Several[NewMessage]) -> None:
        """A new one, with what it has to say by now."""
        self._known[new.contact_id, new.sequence, new.deal_id] = new
        self._of_person[new.contact_id, new.sequence].append(new)
        self.begun.append(new)
        self._queued += queued

    def end(self, new: Enrolment, cause: Cause) -> None:
        """A new one that ends as soon as it is written, as if the merge had come after it."""
        self._repeating[new.id] = cause

    async def write(self, work: Work) -> None:
        """Write all that is new."""
        await enrolments.insert(work.connection, self.begun)
        await messages.insert(work.connection, self._queued)
        repeating = [one for one in self.begun if one.id in self._repeating]
        await end(work, {"merged": repeating}, self._repeating)


async def _begin(
    work: Work,
    book: _Book,
    wish: Received[EnrolContact],
    contact: Contact,
    sequence: Sequence,
    version: str,
    domain: str,
) -> Enrolment:
    """A new enrolment, on its way; one that a person has already by another name ends at once."""
    new, cause = _begun(work, wish, contact, sequence, version), wish.cause
    rivals = await enrolments.runs(work.connection, book.others(new))
    new, queued = advance(
        work, new, sequence, 0, anchor=work.now, zone=contact.zone, domain=domain, cause=cause
    )
    book.add(new, queued)
    if repeats(wish.received_at, rivals, absorbed=wish.data.contact_id != contact.id):
        book.end(new, cause)
    return new


def _begun(
    work: Work, received: Received[EnrolContact], contact: Contact, sequence: Sequence, version: str
) -> Enrolment:
    wish, cause = received.data, received.cause
    enrolment = Enrolment(
        id=enrolment_id(wish.contact_id, sequence.name, wish.deal_id),
        contact_id=contact.id,
        enrolled_contact_id=wish.contact_id,
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
