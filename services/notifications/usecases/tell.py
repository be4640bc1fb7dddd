"""Tells what became of messages: facts for others, journal lines for whoever asks."""

from datetime import datetime

from prometheus_client import Counter

from contracts.notifications import FailureReason, MessageNotSent, MessageSent
from services.notifications.store.messages import Message
from services.runtime.cause import Cause
from services.runtime.work import Work

SETTLED = Counter("leadwire_messages_total", "Messages, by what became of them.", ["outcome"])


def cause_of(message: Message, attempt: int, what: str) -> Cause:
    """A cause of its own for each thing that happens to a message: the same again when it is redone."""
    origin = Cause(str(message.id), message.correlation, message.traceparent)
    return Cause(str(origin.derived_id(attempt, what)), message.correlation, message.traceparent)


def tell_sent(work: Work, message: Message, cause: Cause, at: datetime) -> None:
    """The server took the message."""
    work.emit(
        MessageSent(
            contact_id=message.contact_id,
            message_id=message.id,
            enrolment_id=message.enrolment_id,
            deal_id=message.deal_id,
            sequence=message.sequence,
            step=message.step,
            medium="email",
            internet_message_id=message.internet_message_id,
            sent_at=at,
        ),
        cause=cause,
    )
    note(work, message, cause, f"sent message {message.step} of {message.sequence}")
    SETTLED.labels("sent").inc()


def tell_not_sent(work: Work, message: Message, cause: Cause, reason: FailureReason, detail: str) -> None:
    """The message was not sent, or nobody can tell."""
    work.emit(
        MessageNotSent(
            contact_id=message.contact_id,
            message_id=message.id,
            enrolment_id=message.enrolment_id,
            deal_id=message.deal_id,
            sequence=message.sequence,
            step=message.step,
            medium="email",
            internet_message_id=message.internet_message_id,
            reason=reason,
            detail=detail,
            settled_at=work.now,
        ),
        cause=cause,
    )
    note(work, message, cause, f"message {message.step} of {message.sequence}: {reason}, {detail}")
    SETTLED.labels(reason).inc()


def tell_cancelled(work: Work, message: Message, cause: Cause) -> None:
    """The message was taken back before it started."""
    tell_not_sent(work, message, cause, "cancelled", "its sequence had ended")


def note(work: Work, message: Message, cause: Cause, did: str) -> None:
    """A journal line under every name the message goes by."""
    work.note(
        did,
        names=[
            message.id,
            message.internet_message_id,
            message.enrolment_id,
            message.contact_id,
            message.deal_id,
        ],
        cause=cause,
    )
