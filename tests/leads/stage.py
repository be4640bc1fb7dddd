"""A leads database without a bus: facts go straight into the use cases, and the state is read back."""

import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from contracts.envelope import Envelope
from contracts.interactions import Consent, Identity, InteractionReceived, Medium, Sender
from services.leads.domain.rules import Rules
from services.leads.usecases.log_interactions import log_interactions
from services.runtime.cause import Cause, new_cause
from services.runtime.database import Database
from services.runtime.received import RawMessage, Received
from services.runtime.work import Work
from tests.support.databases import emptied

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NAMESPACE = uuid.UUID(int=7)


def interaction(number: int, *identities: tuple[str, str], **more: Any) -> InteractionReceived:
    """The interaction of this number, received that many minutes after the beginning."""
    at = more.pop("at", BEGIN + timedelta(minutes=number))
    sender = Sender(
        identities=[Identity(kind=kind, value=value) for kind, value in identities],
        name=more.pop("name", None),
        language=more.pop("language", None),
    )
    purposes = more.pop("consents", ())
    medium: Medium = more.pop("medium", "form")
    return InteractionReceived(
        interaction_id=uuid.uuid5(NAMESPACE, str(number)),
        delivery_id=f"delivery-{number}",
        channel=more.pop("channel", "main-site"),
        kind=more.pop("kind", "form"),
        medium=medium,
        conversation=more.pop("conversation", f"conversation-{number}"),
        occurred_at=at,
        received_at=at,
        sender=sender,
        consents=[Consent(purpose=purpose, given_at=at) for purpose in purposes],
        **more,
    )


def received(
    data: InteractionReceived, *, event_id: str | None = None, revision: int | None = None
) -> Received[InteractionReceived]:
    """The fact as a reader hands it over."""
    event_id = event_id or str(uuid.uuid5(NAMESPACE, f"{data.interaction_id} {revision}"))
    envelope = Envelope(
        id=event_id, source="/test", type=data.TYPE, correlationid=data.delivery_id, revision=revision
    )
    message = RawMessage("CRM_CONNECTORS", "crm", 1, {}, b"", data.received_at)
    cause = Cause(event_id, data.delivery_id)
    return Received(event_id, data.TYPE, data.key(), data, cause, message, envelope)


@dataclass
class Stage:
    """The database of one test, with the rules in force."""

    database: Database
    rules: Rules = field(default_factory=Rules)

    @asynccontextmanager
    async def work(self, cause: Cause | None = None) -> AsyncIterator[Work]:
        """A unit of work of its own."""
        async with self.database.pool.acquire() as connection, connection.transaction():
            work = Work(connection, group="leads", now=BEGIN, cause=cause or new_cause())
            yield work
            await work.flush()

    async def log(self, *data: InteractionReceived) -> None:
        """Log these as one set."""
        await self.log_facts([received(one) for one in data])

    async def log_facts(self, facts: Sequence[Received[InteractionReceived]]) -> None:
        """Log these facts as one set."""
        async with self.work(facts[0].cause) as work:
            await log_interactions(list(facts), work, self.rules)

    async def rows(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        """What a query gives."""
        return [dict(row) for row in await self.database.pool.fetch(sql, *arguments)]

    async def value(self, sql: str, *arguments: Any) -> Any:
        """The one value that a query gives."""
        return await self.database.pool.fetchval(sql, *arguments)

    async def published(self) -> list[Envelope]:
        """What was put into the outbox, in order."""
        rows = await self.rows("SELECT body FROM outbox ORDER BY id")
        return [Envelope.model_validate(orjson.loads(row["body"])) for row in rows]

    async def people(self) -> set[frozenset[str]]:
        """The identities of each contact that stands on its own."""
        rows = await self.rows(
            "SELECT array_agg(i.kind || ':' || i.value) AS identities FROM contacts c"
            " JOIN identities i ON i.contact_id = c.id WHERE c.merged_into IS NULL GROUP BY c.id"
        )
        return {frozenset(row["identities"]) for row in rows}

    async def state(self) -> dict[str, list[dict[str, Any]]]:
        """All of the service's own rows, without the marks of when they were written."""
        queries = {
            "contacts": "SELECT * FROM contacts ORDER BY id",
            "identities": "SELECT * FROM identities ORDER BY value, kind",
            "interactions": "SELECT * FROM interactions ORDER BY n",
            "leads": "SELECT * FROM leads ORDER BY id",
            "merges": "SELECT * FROM merges ORDER BY n",
            "team": "SELECT * FROM team_members ORDER BY member",
            "touches": "SELECT * FROM touches ORDER BY message_id",
            "outbox": "SELECT event_id, subject, key, convert_from(body, 'UTF8')::jsonb AS body FROM outbox"
            " ORDER BY id",
            "journal": "SELECT correlation, event_id, did, names FROM journal ORDER BY id",
        }
        return {name: await self.rows(sql) for name, sql in queries.items()}

    async def empty(self) -> None:
        """Forget everything."""
        tables = (
            "merges", "contacts", "identities", "interactions", "leads", "team_members", "touches",
            "closed_deals", "known_deals", "outbox", "journal",
        )  # fmt: skip
        await self.database.pool.execute(emptied("leads", *tables))


def of_type(envelopes: Iterable[Envelope], contract: Any) -> list[Envelope]:
    """Those of one contract."""
    return [envelope for envelope in envelopes if envelope.type == contract.TYPE]
