"""Records that somebody must not be written to any more. No message starts once this has committed."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from services.notifications.store import contacts, enrolments, listing, suppressions
from services.notifications.store.suppressions import Suppression
from services.notifications.usecases.ending import end
from services.runtime.work import Work

_MEDIUM = "email"


@dataclass(frozen=True, slots=True)
class OptedOut:
    """Whether the opt-out is news, and how many enrolments it ended."""

    added: bool
    ended: int


async def opt_out(work: Work, message_id: UUID) -> OptedOut | None:
    """The receiver of this message wants no more; None when there is no such message."""
    sent = await listing.destination(work.connection, message_id)
    if sent is None:
        return None
    person = await contacts.read(work.connection, sent.contact_id)
    addresses = {one for one in (sent.address, person.email if person else None) if one}
    return await _suppress(work, addresses, person.id if person else sent.contact_id, "unsubscribe")


async def suppress(work: Work, address: str, added_by: str) -> OptedOut:
    """A person of ours says that this address must not be written to."""
    return await _suppress(work, {address}, None, "person", added_by)


async def _suppress(
    work: Work, addresses: Collection[str], contact_id: UUID | None, source: str, by: str | None = None
) -> OptedOut:
    people = [contact_id] if contact_id else []
    for address in addresses:
        people += await contacts.with_address(work.connection, address)
    held = await contacts.lock(work.connection, set(people))
    await suppressions.lock_addresses(work.connection, addresses)
    added = False
    for address in sorted(addresses):
        added |= await suppressions.add(
            work.connection,
            Suppression(work.new_id("suppression"), _MEDIUM, address, contact_id, source, by, work.now),
        )
    whose = {contact.id for contact in held.values()} | set(people)
    running = await enrolments.lock_running(work.connection, whose)
    ended = await end(work, {"opted_out": running})
    if added:
        work.note(f"suppressed an address, by {source}", names=sorted(map(str, whose)))
    return OptedOut(added, ended)
