"""A notifications database without a bus: facts and commands go straight into the use cases."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, cast

import orjson

from contracts.contract import Contract
from contracts.envelope import Envelope
from contracts.leads import ContactChanged, ContactMerged, ContactTouched, ContactUnmerged
from contracts.notifications import EnrolContact
from services.notifications.content.tokens import Tokens
from services.notifications.delivery.courier import Courier
from services.notifications.delivery.line import Parcel, Server
from services.notifications.delivery.lines import Lines
from services.notifications.delivery.logbook import Logbook
from services.notifications.delivery.writer import Writer
from services.notifications.desk import DatabaseDesk
from services.notifications.domain.rules import Rules
from services.notifications.store.enrolments import Enrolment
from services.notifications.usecases.claim import Claimed
from services.notifications.usecases.enrol import enrol_all
from services.notifications.usecases.follow_contacts import merge, note_changes, note_touches, separate
from services.notifications.usecases.take_step import take_step
from services.runtime import timers
from services.runtime.cause import Cause, new_cause
from services.runtime.database import Database
from services.runtime.received import RawMessage, Received
from services.runtime.timers import Timer
from services.runtime.work import Work
from tests.notifications.samples import NOW, contact_id, rules

TOKENS = Tokens(b"a secret for tests")
_EVENTS = uuid.UUID(int=31)


@dataclass
class HandClock:
    """Stands still until it is moved."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time


@dataclass
class Stage:
    """The database of one test, with the rules in force and the time it is; also a host for a desk."""

    database: Database
    rules: Rules = field(default_factory=rules)
    clock: HandClock = field(default_factory=HandClock)
    _told: int = 0

    @property
    def now(self) -> datetime:
        return self.clock.time

    @asynccontextmanager
    async def work(self, cause: Cause | None = None) -> AsyncIterator[Work]:
        """A unit of work of its own."""
        async with self.database.pool.acquire() as connection, connection.transaction():
            work = Work(connection, group="notifications", now=self.now, cause=cause or new_cause())
            yield work
            await work.flush()

    async def rules_of(self, _version: str) -> Rules:
        return self.rules

    def received(self, data: Contract) -> Received[Any]:
        """A fact that was never told before."""
        self._told += 1
        event_id = str(uuid.uuid5(_EVENTS, str(self._told)))
        message = RawMessage("CRM_LEADS", "crm", self._told, {}, b"", self.now)
        cause = Cause(event_id, f"enquiry of {data.key()}")
        return Received(event_id, data.TYPE, data.key(), data, cause, message)

    async def know(self, *contacts: ContactChanged) -> None:
        """leads tells of these contacts."""
        async with self.work() as work:
            await note_changes(work, contacts)

    async def enrol(self, number: int, sequence: str = "welcome", deal: uuid.UUID | None = None) -> Enrolment:
        """Do the command, as a new event of its own."""
        command = EnrolContact(contact_id=contact_id(number), sequence=sequence, deal_id=deal)
        wish = self.received(command)
        async with self.work(wish.cause) as work:
            [enrolment] = await enrol_all(work, [wish], self.rules, "v1")
            return enrolment

    async def enrol_many(self, numbers: Iterable[int], sequence: str) -> None:
        """The same for many contacts in one transaction."""
        async with self.work() as work:
            for number in numbers:
                command = EnrolContact(contact_id=contact_id(number), sequence=sequence)
                await enrol_all(work, [self.received(command)], self.rules, "v1")

    async def merge(self, staying: int, absorbed: int) -> None:
        """leads says that two contacts are one."""
        fact = ContactMerged(contact_id=contact_id(staying), absorbed_id=contact_id(absorbed), reason="email")
        async with self.work(self.received(fact).cause) as work:
            await merge(work, fact)

    async def unmerge(self, staying: int, absorbed: int) -> None:
        """leads says that they are two after all."""
        fact = ContactUnmerged(contact_id=contact_id(staying), absorbed_id=contact_id(absorbed))
        async with self.work(self.received(fact).cause) as work:
            await separate(work, fact)

    async def touch(self, number: int, *, first: bool = False, **more: Any) -> None:
        """The contact was in touch, a minute from now unless told otherwise."""
        given: dict[str, Any] = {"occurred_at": self.now + timedelta(minutes=1), **more}
        fact = ContactTouched(
            contact_id=contact_id(number),
            interaction_id=uuid.uuid4(),
            channel="main-site",
            medium="email",
            first=first,
            **given,
        )
        received = self.received(fact)
        async with self.work(received.cause) as work:
            await note_touches(work, [received])

    async def pass_time(self, span: timedelta) -> list[Timer]:
        """Let time go by and fire what has become due."""
        self.clock.time += span
        async with self.work() as work:
            due = await timers.claim_due(work.connection, ["step"], self.now, 100)
            for timer in due:
                await timers.write(work.connection, {(timer.kind, timer.key): None})
        for timer in due:
            await self.fire(timer)
        return due

    async def fire(self, timer: Timer) -> None:
        """Handle a timer."""
        async with self.work(timer.cause) as work:
            await take_step(work, timer, self.rules_of)

    def desk(self, *, owner: uuid.UUID | None = None, lease: float = 60) -> DatabaseDesk:
        """A desk for a courier; each has an owner of its own."""
        host = cast(Any, self)
        return DatabaseDesk(host, owner or uuid.uuid4(), timedelta(seconds=lease), Random(1))

    def courier(
        self, port: int, *, size: int = 2, book: Logbook | None = None, lease: float = 60, **server: Any
    ) -> Courier:
        """A courier that hands letters over at this port; it keeps no notes unless given a book for them."""
        writer = Writer(self.rules_of, TOKENS, "https://crm.school.example")

        async def write(claimed: Claimed) -> Parcel:
            return await writer.parcel(claimed, self.now)

        given: dict[str, Any] = {"command_timeout": 3, "letter_timeout": 5, **server}
        lines = Lines(Server("127.0.0.1", port, **given), size=size)
        kept = book or Logbook(None, uuid.uuid4())
        return Courier(lines, write, self.clock, lease=timedelta(seconds=lease), book=kept)

    async def rows(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        """What a query gives."""
        return [dict(row) for row in await self.database.pool.fetch(sql, *arguments)]

    async def value(self, sql: str, *arguments: Any) -> Any:
        """The one value that a query gives."""
        return await self.database.pool.fetchval(sql, *arguments)

    async def states(self) -> list[tuple[str, str]]:
        """(step, state) of every message, in order."""
        rows = await self.rows("SELECT step, state FROM messages ORDER BY created_at, position, id")
        return [(row["step"], row["state"]) for row in rows]

    async def endings(self) -> list[str]:
        """The state of every enrolment, the oldest first."""
        rows = await self.rows("SELECT state FROM enrolments ORDER BY enrolled_at, id")
        return [row["state"] for row in rows]

    async def published(self) -> list[Envelope]:
        """What was put into the outbox, in order."""
        rows = await self.rows("SELECT body FROM outbox ORDER BY id")
        return [Envelope.model_validate(orjson.loads(row["body"])) for row in rows]

    async def types(self) -> list[str]:
        """The types of what was published, shortened to `messages.sent`."""
        return [one.type.removeprefix("crm.").removesuffix(".v1") for one in await self.published()]

    async def armed(self) -> list[datetime]:
        """When timers are due."""
        return [row["due_at"] for row in await self.rows("SELECT due_at FROM timers ORDER BY due_at")]


@asynccontextmanager
async def carrying(courier: Courier, desk: DatabaseDesk) -> AsyncIterator[None]:
    """The courier runs until the block ends, then is told to stop and waited for."""
    stopping = asyncio.Event()
    task = asyncio.create_task(courier.run(desk, stopping))
    try:
        yield
    finally:
        stopping.set()
        async with asyncio.timeout(40):
            await task


def reasons(published: Sequence[Envelope]) -> list[str]:
    """The reasons in these facts, where there are any."""
    return [one.data["reason"] for one in published if "reason" in one.data]
