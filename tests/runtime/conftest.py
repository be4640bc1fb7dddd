"""A service with nothing but the runtime's tables, and streams to read."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from contracts.contract import Fact, Standing
from services.runtime.bus import Bus
from services.runtime.cause import Cause
from services.runtime.clock import SystemClock
from services.runtime.database import Database
from services.runtime.facts import Facts
from services.runtime.outbox import Outgoing, seal
from services.runtime.reader import Reader
from services.runtime.redrive import Redrive
from tests.support.accounts import NatsAccount
from tests.support.databases import FLOOR


class Rang(Fact):
    """A fact to read. `trouble` names the exception its handler raises."""

    TYPE: ClassVar[str] = "crm.bells.rang.v1"
    OWNER: ClassVar[str] = "tower"
    STANDING: ClassVar[Standing] = "change"

    bell: str
    number: int
    trouble: str = ""

    def key(self) -> str:
        return self.bell


def rang(bell: str, number: int, trouble: str = "", event_id: str = "") -> Outgoing:
    """A sealed fact, ready to publish."""
    event_id = event_id or str(uuid4())
    fact = Rang(bell=bell, number=number, trouble=trouble)
    now, cause = SystemClock().now(), Cause(event_id, event_id)
    return seal(fact, event_id=event_id, source="test", now=now, cause=cause)


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    bus = await Bus.connect(nats_account.url)
    await make_tower(bus)
    yield bus
    await bus.close()


async def make_tower(bus: Bus) -> None:
    await bus.js.add_stream(name="CRM_TOWER", subjects=["crm.bells.>"], allow_atomic=True)


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_dsn, FLOOR, size=6)
    await database.pool.execute("CREATE TABLE heard (place bigserial, bell text, number int)")
    yield database
    await database.close()


@dataclass
class Tower:
    """The service under test: hears bells, one by one, with the trouble each brings."""

    bus: Bus
    database: Database
    facts: Facts
    cured: set[int] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def reader(self, **parts: Any) -> Reader:
        return Reader(self.database, self.bus, FLOOR, self.facts, SystemClock(), lambda work: None, **parts)

    def redrive(self) -> Redrive:
        return Redrive(
            self.database,
            FLOOR,
            {"CRM_TOWER": self.facts},
            SystemClock(),
            self.wake,
            lambda work: None,
        )

    async def ring(self, *facts: Outgoing) -> None:
        for fact in facts:
            await self.bus.publish(fact.stream, fact.subject, fact.body, fact.headers)

    async def heard(self, bell: str | None = None) -> list[int]:
        rows = await self.database.pool.fetch(
            "SELECT number FROM heard WHERE $1::text IS NULL OR bell = $1 ORDER BY place", bell
        )
        return [row["number"] for row in rows]

    async def parked(self) -> list[tuple[int, str]]:
        """(number, recovery) of what is parked; -1 for what cannot be decoded."""
        rows = await self.database.pool.fetch(
            "SELECT convert_from(body, 'UTF8') AS body, recovery FROM parked ORDER BY id"
        )
        return [(_number(row["body"]), row["recovery"]) for row in rows]

    async def position(self) -> int:
        return await self.database.pool.fetchval("SELECT max(seq) FROM positions") or 0


def _number(body: str) -> int:
    import json

    try:
        return int(json.loads(body)["data"]["number"])
    except ValueError:
        return -1


@asynccontextmanager
async def running(*loops: Callable[[asyncio.Event], Any]) -> AsyncIterator[None]:
    """The loops run until the block ends, then are told to stop and waited for."""
    stopping = asyncio.Event()
    tasks = [asyncio.ensure_future(loop(stopping)) for loop in loops]
    try:
        yield
    finally:
        stopping.set()
        async with asyncio.timeout(20):
            await asyncio.gather(*tasks)


@pytest.fixture
def tower(bus: Bus, database: Database) -> Tower:
    from services.runtime.errors import Ignored, Permanent, Retryable
    from services.runtime.received import Received
    from services.runtime.work import Work

    facts = Facts("CRM_TOWER")
    built = Tower(bus, database, facts)
    troubles: dict[str, Exception] = {
        "retry": Retryable("the rope is wet"),
        "never": Permanent("no such bell"),
        "ignore": Ignored("a rehearsal"),
        "bug": ZeroDivisionError("oops"),
    }

    @facts.on(Rang)
    async def on_rang(fact: Received[Rang], work: Work) -> None:
        await work.connection.execute(
            "INSERT INTO heard (bell, number) VALUES ($1, $2)", fact.key, fact.data.number
        )
        if fact.data.trouble and fact.data.number not in built.cured:
            raise troubles[fact.data.trouble]

    return built
