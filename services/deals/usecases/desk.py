"""Deals as they stand while a set of facts is followed in memory; what changed is written at once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.deals.domain.deal import Contact, Deal, Event
from services.deals.domain.planning import Run
from services.deals.domain.rules import Rules
from services.deals.store import contacts, deals, tasks
from services.deals.store.deals import HistoryLine
from services.deals.store.tasks import Task

if TYPE_CHECKING:
    from services.runtime.work import Work


class Desk:
    """Holds what was read and locked, and what is to be written."""

    def __init__(self, work: "Work", rules: Rules) -> None:
        self.work = work
        self.rules = rules
        self.history: list[HistoryLine] = []
        self.tasks: list[Task] = []
        self.captured: set[UUID] = set()
        self.ended: set[UUID] = set()
        self._going_on: dict[UUID, UUID] = {}
        self._deals: dict[UUID, Deal] = {}
        self._of_contact: dict[UUID, set[UUID]] = defaultdict(set)
        self._survivors: dict[UUID, UUID] = {}
        self._contacts: dict[UUID, tuple[int, Contact]] = {}
        self._new: set[UUID] = set()
        self._moved: set[UUID] = set()
        self._tasks_dropped: set[UUID] = set()
        self._learned: set[UUID] = set()
        self._absorbers: dict[UUID, UUID] = {}
        self._tasks_restored: dict[UUID, datetime] = {}
        self._reopened: set[UUID] = set()
        self._ended_now: dict[UUID, UUID] = {}

    async def hold(self, deal_ids: Iterable[UUID]) -> None:
        """Lock deals and put them on the desk."""
        wanted = set(deal_ids)
        if wanted:
            for deal in await deals.lock(self.work.connection, wanted):
                self._put(deal)

    async def recall(self, contact_ids: Iterable[UUID]) -> None:
        """Read what is known of contacts, and who goes on for those that were absorbed."""
        wanted = set(contact_ids)
        self._survivors |= await contacts.survivors(self.work.connection, wanted)
        self._contacts |= await contacts.known(self.work.connection, {self.whose(one) for one in wanted})

    async def look_up(self, captured: set[UUID], merged: set[UUID], reopened: set[UUID]) -> None:
        """Read which leads have deals already, and lock the deals of those that merge or open again."""
        connection = self.work.connection
        if captured:
            self.captured |= set(await deals.of_leads(connection, captured))
            self.ended |= await contacts.ended_leads(connection, captured)
        if merged:
            self._going_on |= await deals.going_on_for(connection, merged)
            await self.hold(self._going_on.values())
        if reopened:
            await self.hold((await deals.of_leads(connection, reopened)).values())

    def whose(self, contact_id: UUID) -> UUID:
        """The contact itself, or the one that goes on for it."""
        while contact_id in self._survivors:
            contact_id = self._survivors[contact_id]
        return contact_id

    def contact(self, contact_id: UUID) -> Contact:
        """What is known of a contact; only its id when nothing is."""
        known = self._contacts.get(contact_id)
        return known[1] if known else Contact(contact_id)

    def learn(self, contact: Contact, version: int) -> None:
        """Take note of a contact, unless something newer is known."""
        known = self._contacts.get(contact.id)
        if contact.id not in self._survivors and (known is None or known[0] < version):
            self._contacts[contact.id] = version, contact
            self._learned.add(contact.id)

    def absorb(self, absorbed: UUID, survivor: UUID) -> bool:
        """Let one contact go on as another; False when it does so already."""
        survivor = self.whose(survivor)
        if self.whose(absorbed) == survivor:
            return False
        self._survivors[absorbed] = survivor
        self._absorbers[absorbed] = survivor
        self._learned.discard(absorbed)
        for deal_id in self._of_contact.pop(absorbed, ()):
            self._put(replace(self._deals[deal_id], contact_id=survivor))
        return True

    def end_lead(self, ended: UUID, into: UUID) -> None:
        """Remember which lead goes on for one that ends."""
        self.ended.add(ended)
        self._ended_now[ended] = into

    def reopen_lead(self, lead_id: UUID) -> Deal | None:
        """Forget that the lead ended; its own deal, however that stands."""
        self._reopened.add(lead_id)
        return next((deal for deal in self._deals.values() if deal.lead.id == lead_id), None)

    def deal(self, deal_id: UUID) -> Deal | None:
        """A deal on the desk."""
        return self._deals.get(deal_id)

    def deal_of_lead(self, lead_id: UUID) -> Deal | None:
        """The deal that goes on for a lead."""
        going_on = self._going_on.get(lead_id)
        deal = self._deals.get(going_on) if going_on else None
        while deal and deal.merged_into:
            deal = self._deals.get(deal.merged_into)
        return deal

    def open_deals(self, contact_id: UUID) -> list[Deal]:
        """The open deals of a contact, always in the same order."""
        held = (self._deals[deal_id] for deal_id in sorted(self._of_contact.get(contact_id, ())))
        return [deal for deal in held if deal.status == "open"]

    def run(self, deal: Deal, event: Event | None = None) -> Run:
        """A deal on its way through the rules."""
        return Run(deal, self.rules, self.contact(deal.contact_id), self.work.now, event)

    def opened(self, deal: Deal) -> None:
        """A deal is new."""
        self._new.add(deal.id)
        self.captured.add(deal.lead.id)
        self._going_on[deal.lead.id] = deal.id

    def keep(self, deal: Deal) -> None:
        """Have the deal written as it stands now."""
        if deal.id not in self._new and deal != self._deals.get(deal.id):
            self._moved.add(deal.id)
        self._put(deal)

    def drop_tasks(self, deal_id: UUID) -> None:
        """Close the open tasks of a deal."""
        self._tasks_dropped.add(deal_id)
        self.tasks = [
            replace(task, status="dropped", closed_at=self.work.now) if task.deal_id == deal_id else task
            for task in self.tasks
        ]

    def restore_tasks(self, deal_id: UUID, dropped_at: datetime) -> None:
        """Open the tasks again that were closed with the deal."""
        self._tasks_restored[deal_id] = dropped_at

    async def save(self) -> None:
        """Write what changed, table by table."""
        connection = self.work.connection
        await deals.insert(connection, [self._deals[one] for one in sorted(self._new)])
        await deals.update(connection, [self._deals[one] for one in sorted(self._moved)])
        await deals.add_history(connection, self.history)
        await tasks.insert(connection, self.tasks)
        if self._tasks_dropped:
            await tasks.drop_of_deals(connection, self._tasks_dropped, self.work.now)
        for deal_id, dropped_at in sorted(self._tasks_restored.items()):
            await tasks.restore_of_deal(connection, deal_id, dropped_at)
        if self._learned:
            newest = {one: self._contacts[one] for one in sorted(self._learned)}
            await contacts.learn(connection, newest)
        if self._absorbers:
            merges = {one: self.whose(one) for one in sorted(self._absorbers)}
            await contacts.add_survivors(connection, merges, self._absorbers)
            await deals.repoint(connection, merges)
        if self._ended_now:
            await contacts.add_ended_leads(connection, self._ended_now)
        if self._reopened:
            await contacts.forget_ended_leads(connection, self._reopened)

    def _put(self, deal: Deal) -> None:
        self._deals[deal.id] = deal
        self._of_contact[deal.contact_id].add(deal.id)
