"""Two services as small as can be: each folds what it hears into state, the first passes it on."""

import hashlib
from typing import ClassVar

from contracts.contract import Fact, Standing
from services.runtime.errors import Permanent, Retryable
from services.runtime.facts import Facts
from services.runtime.received import Received
from services.runtime.work import Work

TABLES = """
CREATE TABLE ledger (place bigserial PRIMARY KEY, key text NOT NULL, event_id text NOT NULL);
CREATE TABLE state (key text PRIMARY KEY, digest text NOT NULL);
CREATE TABLE cures (event_id text PRIMARY KEY);
"""


class Happened(Fact):
    """What the driver publishes. `ailment` says how handling it fails until it is cured."""

    TYPE: ClassVar[str] = "crm.floors.happened.v1"
    OWNER: ClassVar[str] = "floor"
    STANDING: ClassVar[Standing] = "change"

    room: str
    number: int
    ailment: str = ""

    def key(self) -> str:
        return self.room


class Echoed(Fact):
    """What the first service makes of it."""

    TYPE: ClassVar[str] = "crm.echoes.heard.v1"
    OWNER: ClassVar[str] = "echo"
    STANDING: ClassVar[Standing] = "change"

    room: str
    of: str

    def key(self) -> str:
        return self.room


def fold(digest: str, event_id: str) -> str:
    """A state that depends on every event and on their order."""
    return hashlib.sha256(f"{digest}{event_id}".encode()).hexdigest()


async def _record(work: Work, key: str, event_id: str) -> None:
    connection = work.connection
    await connection.execute("INSERT INTO ledger (key, event_id) VALUES ($1, $2)", key, event_id)
    digest = await connection.fetchval("SELECT digest FROM state WHERE key = $1 FOR UPDATE", key)
    await connection.execute(
        "INSERT INTO state VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET digest = excluded.digest",
        key,
        fold(digest or "", event_id),
    )


def floor_facts(slow: float = 0.0) -> Facts:
    """The first service: one by one, with ailments. Each fact takes `slow` seconds more."""
    facts = Facts("CRM_FLOOR")

    @facts.on(Happened)
    async def on_happened(fact: Received[Happened], work: Work) -> None:
        await _record(work, fact.key, fact.event_id)
        if slow:
            await work.connection.execute("SELECT pg_sleep($1)", slow)
        if fact.data.ailment and not await work.connection.fetchval(
            "SELECT true FROM cures WHERE event_id = $1", fact.event_id
        ):
            raise Retryable("not yet") if fact.data.ailment == "retry" else Permanent("will not do")
        work.emit(Echoed(room=fact.data.room, of=fact.event_id))

    return facts


def echo_facts() -> Facts:
    """The second service: in sets."""
    facts = Facts("CRM_ECHO")

    @facts.on_many(Echoed)
    async def on_echoed(batch: list[Received[Echoed]], work: Work) -> None:
        for fact in batch:
            await _record(work, fact.key, fact.data.of)

    return facts
