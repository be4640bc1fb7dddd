"""A deals database without a bus: facts go straight into the use cases, and the state is read back."""

import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from contracts.contract import Contract
from contracts.envelope import Envelope
from services.deals.definitions.building import actions_of
from services.deals.domain.rules import Rules
from services.deals.usecases.delayed import follow_delayed_rule
from services.deals.usecases.follow import follow
from services.runtime import timers
from services.runtime.cause import Cause, new_cause
from services.runtime.database import Database
from services.runtime.received import RawMessage, Received
from services.runtime.timers import Timer
from services.runtime.work import Work
from tests.deals.samples import NOW, rules
from tests.support.databases import emptied

_EVENTS = uuid.UUID(int=21)


def received(data: Contract, number: int) -> Received[Any]:
    """The fact as a reader hands it over; the number makes it an event of its own."""
    event_id = str(uuid.uuid5(_EVENTS, f"{number} {data.TYPE} {data.model_dump_json()}"))
    message = RawMessage("CRM_LEADS", "crm", 1, {}, b"", NOW)
    cause = Cause(event_id, f"enquiry of {data.key()}")
    return Received(event_id, data.TYPE, data.key(), data, cause, message)


@dataclass
class Stage:
    """The database of one test, with the rules in force and the time it is."""

    database: Database
    rules: Rules = field(default_factory=rules)
    now: datetime = NOW
    _told: int = 0

    @asynccontextmanager
    async def work(self, cause: Cause | None = None) -> AsyncIterator[Work]:
        """A unit of work of its own."""
        async with self.database.pool.acquire() as connection, connection.transaction():
            work = Work(connection, group="deals", now=self.now, cause=cause or new_cause())
            yield work
            await work.flush()

    async def tell(self, *data: Contract) -> None:
        """Follow these facts as one set."""
        await self.tell_facts(self.facts(data))

    def facts(self, data: Iterable[Contract]) -> list[Received[Any]]:
        """Facts that were never told before."""
        found = []
        for one in data:
            self._told += 1
            found.append(received(one, self._told))
        return found

    async def tell_facts(self, facts: Sequence[Received[Any]]) -> None:
        """Follow these facts as one set."""
        async with self.work(facts[0].cause) as work:
            await follow(facts, work, self.rules)

    async def pass_time(self, span: timedelta) -> list[Timer]:
        """Let time go by and fire what has become due."""
        self.now += span
        async with self.work() as work:
            due = await timers.claim_due(work.connection, ["stage_rule"], self.now, 100)
        for timer in due:
            await self.fire(timer)
        return due

    async def fire(self, timer: Timer) -> None:
        """Fire a timer, as the runtime does."""
        event = timer.cause.derived_id("timer", timer.key, timer.generation, timer.due_at)
        async with self.work(Cause(str(event), timer.cause.correlation)) as work:
            await work.connection.execute("DELETE FROM timers WHERE key = $1", timer.key)
            await follow_delayed_rule(
                work,
                self.rules,
                uuid.UUID(timer.payload["deal"]),
                entry=timer.generation,
                rule=timer.payload["rule"],
                actions=actions_of(timer.payload["actions"]),
                missed=timer.missed,
            )

    async def rows(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        """What a query gives."""
        return [dict(row) for row in await self.database.pool.fetch(sql, *arguments)]

    async def value(self, sql: str, *arguments: Any) -> Any:
        """The one value that a query gives."""
        return await self.database.pool.fetchval(sql, *arguments)

    async def deal_of(self, lead: uuid.UUID) -> dict[str, Any]:
        """The deal of a lead."""
        (row,) = await self.rows("SELECT * FROM deals WHERE lead_id = $1", lead)
        return row

    async def published(self, contract: Any = None) -> list[Envelope]:
        """What was put into the outbox, in order; only one contract's, if asked."""
        rows = await self.rows("SELECT body FROM outbox ORDER BY id")
        envelopes = [Envelope.model_validate(orjson.loads(row["body"])) for row in rows]
        return [one for one in envelopes if contract is None or one.type == contract.TYPE]

    async def journal(self) -> list[str]:
        """What was noted, in order."""
        return [row["did"] for row in await self.rows("SELECT did FROM journal ORDER BY id")]

    async def state(self) -> dict[str, list[dict[str, Any]]]:
        """All of the service's own rows, without the marks of when they were written."""
        queries = {
            "deals": "SELECT * FROM deals ORDER BY id",
            "stage_history": "SELECT * FROM stage_history ORDER BY deal_id, entry",
            "tasks": "SELECT * FROM tasks ORDER BY id",
            "contacts": "SELECT * FROM contacts ORDER BY id",
            "contact_aliases": "SELECT * FROM contact_aliases ORDER BY absorbed_id",
            "lead_aliases": "SELECT * FROM lead_aliases ORDER BY ended_id",
            "timers": "SELECT * FROM timers ORDER BY kind, key",
            "outbox": "SELECT event_id, subject, key, convert_from(body, 'UTF8') AS body FROM outbox"
            " ORDER BY id",
            "journal": "SELECT correlation, event_id, did, names FROM journal ORDER BY id",
        }
        return {name: await self.rows(sql) for name, sql in queries.items()}

    async def empty(self) -> None:
        """Forget everything."""
        tables = (
            "deals", "stage_history", "tasks", "contacts", "contact_aliases", "lead_aliases", "timers",
            "outbox", "journal",
        )  # fmt: skip
        await self.database.pool.execute(emptied("deals", *tables))
