"""Records that somebody must not be written to any more. No message starts once this has committed."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from contracts.notifications import ContactOptedOut, OptOutSource
from services.notifications.store import contacts, enrolments, listing, suppressions
from services.notifications.store.suppressions import Suppression
from services.notifications.usecases.ending import end
from services.runtime.work import Work

_MEDIUM: Final = "email"


@dataclass(frozen=True, slots=True)
class _Source:
    kind: OptOutSource
    by: str | None = None


@dataclass(frozen=True, slots=True)
class OptedOut:
    """Whether the opt-out is news, and how many enrolments it ended."""

    added: bool
    ended: int


Withdraw = Callable[[Collection[UUID]], None]


def _nothing(_contacts: Collection[UUID]) -> None:
    """Nobody here has claimed anything."""


async def opt_out(work: Work, message_id: UUID, withdraw: Withdraw = _nothing) -> OptedOut | None:
    """The receiver of this message wants no more; None when there is no such message.

    `withdraw` is told of the contacts while they are locked: what this process has claimed for them
    and not started stays here.
    """
    sent = await listing.destination(work.connection, message_id)
    if sent is None:
        return None
    person = await contacts.read(work.connection, sent.contact_id)
    addresses = {one for one in (sent.address, person.email if person else None) if one}
    contact_id = person.id if person else sent.contact_id
    return await _suppress(work, addresses, contact_id, _Source("unsubscribe"), withdraw)


async def suppress(work: Work, address: str, added_by: str, withdraw: Withdraw = _nothing) -> OptedOut:
    """A person of ours says that this address must not be written to."""
    return await _suppress(work, {address}, None, _Source("person", added_by), withdraw)


async def _suppress(
    work: Work,
    addresses: Collection[str],
    contact_id: UUID | None,
    source: "_Source",
    withdraw: Withdraw,
) -> OptedOut:
    await suppressions.lock_addresses(work.connection, addresses)
    people = [contact_id] if contact_id else []
    for address in addresses:
        people += await contacts.with_address(work.connection, address)
    held = await contacts.lock(work.connection, set(people))
    added = False
    for address in sorted(addresses):
        added |= await suppressions.add(
            work.connection,
            Suppression(
                work.new_id("suppression"), _MEDIUM, address, contact_id, source.kind, source.by, work.now
            ),
        )
    whose = {contact.id for contact in held.values()} | set(people)
    withdraw(whose)
    running = await enrolments.lock_running(work.connection, whose)
    ended = await end(work, {"opted_out": running})
    if added:
        _tell(work, {contact.id for contact in held.values()} or set(people), source)
        work.note(f"suppressed an address, by {source.kind}", names=sorted(map(str, whose)))
    return OptedOut(added, ended)


def _tell(work: Work, whose: Collection[UUID], source: _Source) -> None:
    for contact_id in sorted(whose):
        work.emit(
            ContactOptedOut(contact_id=contact_id, medium=_MEDIUM, source=source.kind, opted_out_at=work.now)
        )
