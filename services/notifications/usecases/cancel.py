"""Ends one enrolment because a person says so."""

from uuid import UUID

from services.notifications.store import contacts, enrolments
from services.notifications.store.enrolments import Enrolment
from services.notifications.usecases.ending import end
from services.runtime.work import Work


async def cancel(work: Work, enrolment_id: UUID) -> tuple[Enrolment, bool] | None:
    """End it as `cancelled`; the flag says whether it was still running. None when there is none."""
    found = await enrolments.read(work.connection, enrolment_id)
    if found is None:
        return None
    # The contact first, as everywhere: a message that starts at this moment is before or after us.
    await contacts.lock(work.connection, [found.contact_id])
    locked = (await enrolments.lock(work.connection, [enrolment_id]))[enrolment_id]
    ended = await end(work, {"cancelled": [locked]})
    return locked, bool(ended)
