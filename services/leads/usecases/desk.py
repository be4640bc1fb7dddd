"""The contacts, their leads and the queue that one unit of work holds locked, and what it changed in them.

Locks are taken in one order everywhere: identities, contacts, leads, team. So nobody waits in a circle.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.leads.domain.assignment import Seat
from services.leads.domain.contact import Contact, Held
from services.leads.domain.identity import Key, Reading
from services.leads.domain.lead import Lead
from services.leads.store import contacts, interactions, leads, team
from services.leads.store.interactions import Logged

if TYPE_CHECKING:
    from services.runtime.database import Connection


class Desk:
    """What is on the desk may be changed freely; `flush` writes it, set-based.

    `owners` says whom an identity belongs to, `leads` holds the lead that goes on for each contact.
    """

    def __init__(self, connection: "Connection", now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.contacts: dict[UUID, Contact] = {}
        self.owners: dict[Key, UUID] = {}
        self.leads: dict[UUID, Lead] = {}
        self._claims: dict[Key, UUID] = {}
        self._seats: dict[str, Seat] | None = None
        self._new_contacts: dict[UUID, Contact] = {}
        self._changed_contacts: dict[UUID, Contact] = {}
        self._new_leads: dict[UUID, Lead] = {}
        self._changed_leads: dict[UUID, Lead] = {}
        self._given: dict[Key, UUID] = {}
        self._logged: list[Logged] = []

    def put(self, locked: Iterable[Contact], going_on: Iterable[Lead]) -> None:
        """Lay contacts and the leads that go on for them on the desk; their rows must be locked."""
        for contact in locked:
            self.contacts[contact.id] = contact
            self.owners |= dict.fromkeys(contact.identities, contact.id)
        self.leads |= {lead.contact_id: lead for lead in going_on}

    def claimed(self, claims: dict[Key, UUID]) -> None:
        """Note which new identities were taken in the database, each for a contact to come."""
        self._claims |= claims

    async def seats(self, members: Iterable[str] = ()) -> dict[str, Seat]:
        """The team's queue with these members in it, locked from now on."""
        wanted = set(members)
        if self._seats is None or not wanted <= self._seats.keys():
            if self._seats:
                await team.update(self.connection, self._seats)
            self._seats = await team.lock(self.connection, wanted)
        return self._seats

    async def relieve(self, owner: str | None, *, leads: int = 1) -> None:
        """The member has so many open leads less."""
        seat = (await self.seats()).get(owner or "")
        if seat is not None:
            seat.open_leads = max(0, seat.open_leads - leads)

    def matching(self, reading: Reading) -> list[Contact]:
        """The contacts that these identities prove or, without proof, hint at; the oldest first."""
        found = {self.owners[key] for key in reading.strong if key in self.owners}
        matching = sorted((self.contacts[one] for one in found), key=lambda contact: contact.age)
        if matching or reading.strong:
            return matching
        hinted = {self.owners[key] for key in reading.weak if key in self.owners}
        return sorted((self.contacts[one] for one in hinted), key=lambda contact: contact.age)[:1]

    def current(self, contact_id: UUID) -> Contact:
        """Who the contact is after the merges of this unit of work."""
        contact = self.contacts[contact_id]
        while contact.merged_into is not None and contact.merged_into in self.contacts:
            contact = self.contacts[contact.merged_into]
        return contact

    def admit(self, contact: Contact) -> None:
        """Add a new contact."""
        self.contacts[contact.id] = self._new_contacts[contact.id] = contact

    def hold(self, contact: Contact, reading: Reading, at: datetime) -> bool:
        """Give the contact those identities that nobody has; True when there were any."""
        free = [key for key in reading.keys if key not in self.owners]
        for key in free:
            contact.identities[key] = Held(key, at, reading.keys.index(key))
            self.owners[key] = contact.id
            if self._claims.get(key) != contact.id:
                self._given[key] = contact.id
        return bool(free)

    def give(self, keys: Iterable[Key], taker: UUID) -> None:
        """Move identities to another contact."""
        moved = dict.fromkeys(keys, taker)
        self.owners |= moved
        self._given |= moved

    def changed(self, contact: Contact) -> None:
        """The contact is to be written."""
        if contact.id not in self._new_contacts:
            self._changed_contacts[contact.id] = contact

    def capture(self, lead: Lead) -> None:
        """Add a new lead."""
        self.leads[lead.contact_id] = self._new_leads[lead.id] = lead

    def touched(self, lead: Lead) -> None:
        """The lead is to be written."""
        if lead.id not in self._new_leads:
            self._changed_leads[lead.id] = lead

    def log(self, row: Logged) -> None:
        """Add an interaction to the log."""
        self._logged.append(row)

    async def flush(self) -> None:
        """Write what changed since the last time."""
        connection = self.connection
        if self._new_contacts:
            await contacts.insert(connection, list(self._new_contacts.values()), self.now)
        if self._changed_contacts:
            await contacts.update(connection, list(self._changed_contacts.values()), self.now)
        if self._given:
            await contacts.give(connection, list(self._given), list(self._given.values()))
        if self._new_leads:
            await leads.insert(connection, list(self._new_leads.values()))
        if self._changed_leads:
            await leads.update(connection, list(self._changed_leads.values()))
        if self._logged:
            await interactions.insert(connection, self._logged)
        if self._seats:
            await team.update(connection, self._seats)
        self._new_contacts, self._changed_contacts, self._given = {}, {}, {}
        self._new_leads, self._changed_leads, self._logged = {}, {}, []


async def lay_out(connection: "Connection", now: datetime, ids: Iterable[UUID]) -> Desk:
    """A desk with these contacts and the leads that go on for them, all locked."""
    desk = Desk(connection, now)
    locked = await contacts.lock(connection, ids)
    desk.put(locked.values(), (await leads.going_on_of(connection, locked)).values())
    return desk
