"""A connectors database without a bus: deliveries go straight into the use cases."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from contracts.envelope import Envelope, decode
from services.connectors.definitions import compile
from services.connectors.definitions.channel import Rules
from services.connectors.domain import Delivery
from services.connectors.usecases.outcome import outcome_of, waiting
from services.connectors.usecases.parse_again import parse_again
from services.connectors.usecases.take_deliveries import Arrival, cause_of, take_deliveries
from services.runtime.cause import Cause, new_cause
from services.runtime.database import Database
from services.runtime.work import Work
from tests.connectors.fixtures import AT

SITE: dict[str, Any] = {"kind": "form", "mapping": {"name": "your-name", "phone": "tel"}}
BOT: dict[str, Any] = {"kind": "telegram", "settings": {"secret": "${BOT}"}}
MAIL: dict[str, Any] = {"kind": "smtp", "settings": {"addresses": ["info@school.example"]}}
CHANNELS = {"site": SITE, "bot": BOT, "info": MAIL}
URLENCODED = "application/x-www-form-urlencoded"
SECRETS = {"BOT": "s3cr3t"}


def rules(channels: Mapping[str, Any] = CHANNELS) -> Rules:
    """Compiled definitions."""
    return compile({"channels": dict(channels)}, SECRETS)


def form(body: str | bytes, minute: float = 0, channel: str = "site", kind: str = URLENCODED) -> Delivery:
    """A posted form, received that many minutes after the beginning."""
    raw = body if isinstance(body, bytes) else body.encode()
    return Delivery(channel, "form", raw, AT + timedelta(minutes=minute), {"content-type": kind})


def update(message: int, text: str = "hello", number: int = 1, minute: float = 0) -> Delivery:
    """A message in Telegram."""
    person = {"id": 7, "first_name": "Anna"}
    written = {"message_id": message, "date": 1768471200, "from": person, "text": text}
    written["chat"] = {"id": 7, "type": "private"}
    body = json.dumps({"update_id": number, "message": written})
    return Delivery("bot", "telegram", body.encode(), AT + timedelta(minutes=minute))


@dataclass
class Stage:
    """The database of one test, with the rules in force."""

    database: Database
    rules: Rules = field(default_factory=rules)
    seq: int = 0

    @asynccontextmanager
    async def work(self, cause: Cause | None = None) -> AsyncIterator[Work]:
        """A unit of work of its own."""
        async with self.database.pool.acquire() as connection, connection.transaction():
            work = Work(connection, group="connectors", now=AT, cause=cause or new_cause())
            yield work
            await work.flush()

    def arrival(self, delivery: Delivery, seq: int | None = None, *, large: bool = False) -> Arrival:
        """The delivery as it comes out of the stream, at the next sequence unless told."""
        if seq is None:
            self.seq += 1
            seq = self.seq
        channel = self.rules.channels.get(delivery.channel)
        outcome = outcome_of(channel, delivery)
        if large:
            outcome = waiting(delivery, channel.guard if channel else None)
        cause = cause_of(delivery.id, "INTAKE", seq)
        return Arrival(outcome, "INTAKE", seq, cause, len(delivery.body))

    async def take(self, *deliveries: Delivery) -> list[Arrival]:
        """Take these in as one set."""
        return await self.take_in([self.arrival(delivery) for delivery in deliveries])

    async def take_in(self, arrivals: list[Arrival]) -> list[Arrival]:
        """Take these arrivals in as one set."""
        async with self.work(arrivals[0].cause) as work:
            await take_deliveries(arrivals, work)
        return arrivals

    async def again(self, delivery: Delivery, seq: int = 1, *, revises: bool = True) -> int | None:
        """Parse a delivery again with the rules now in force."""
        arrival = self.arrival(delivery, seq)
        async with self.work(arrival.cause) as work:
            return await parse_again(arrival, work, revises=revises)

    def define(self, name: str, definition: Mapping[str, Any]) -> None:
        """Change one channel."""
        self.rules = rules({**CHANNELS, name: definition})

    async def published(self) -> list[Envelope]:
        """What was put into the outbox, in order."""
        rows = await self.database.pool.fetch("SELECT body FROM outbox ORDER BY id")
        return [decode(row["body"]) for row in rows]

    async def interactions(self) -> list[str]:
        """The ids of the published interactions, in order."""
        return [envelope.data["interaction_id"] for envelope in await self.published()]

    async def deliveries(self) -> dict[str, dict[str, Any]]:
        """Every delivery by its id."""
        rows = await self.database.pool.fetch("SELECT * FROM deliveries")
        return {row["id"]: dict(row) for row in rows}

    async def delivery(self, delivery: Delivery) -> dict[str, Any]:
        """One delivery as it is kept."""
        return (await self.deliveries())[delivery.id]

    async def journal(self) -> list[dict[str, Any]]:
        """What was noted."""
        return [dict(row) for row in await self.database.pool.fetch("SELECT * FROM journal ORDER BY id")]


def at_minute(delivery: Delivery, minute: float) -> Delivery:
    """The same delivery, received at another time."""
    moment: datetime = AT + timedelta(minutes=minute)
    return replace(delivery, received_at=moment)


def texts(envelopes: Sequence[Envelope]) -> list[str]:
    """What people wrote."""
    return [envelope.data["text"] for envelope in envelopes]
