"""Keep outgoing messages on the contact's timeline."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from contracts.notifications import MessageNotSent, MessageSent
from services.leads.store import touches
from services.leads.store.touches import Touch

if TYPE_CHECKING:
    from services.runtime.work import Work


async def log_messages(messages: Sequence[MessageSent | MessageNotSent], work: "Work") -> None:
    """Log what was sent to contacts, or why it was not; what was taken back in time was no touch."""
    told = [message for message in messages if getattr(message, "reason", None) != "cancelled"]
    if told:
        await touches.record(work.connection, [_touch(message) for message in told])


def _touch(message: MessageSent | MessageNotSent) -> Touch:
    return Touch(
        message_id=message.message_id,
        contact_id=message.contact_id,
        medium=message.medium,
        outcome="sent" if isinstance(message, MessageSent) else message.reason,
        step=message.step,
        enrolment_id=message.enrolment_id,
        internet_message_id=message.internet_message_id,
        at=message.sent_at if isinstance(message, MessageSent) else message.settled_at,
    )
