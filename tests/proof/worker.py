"""One process of both services, as a replica would run them: readers without a lease, relays, redrive."""

import asyncio
from dataclasses import dataclass, field

from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from services.runtime.database import Database
from services.runtime.facts import Facts
from services.runtime.reader import Reader
from services.runtime.redrive import Redrive
from services.runtime.relay import Relay
from services.runtime.work import Work
from tests.proof import weakened
from tests.proof.model import echo_facts, floor_facts

TAKEOVER = 3.0


@dataclass(frozen=True)
class Orders:
    """Where the engines are, and which guards are off."""

    nats_url: str
    dsn: str
    off: frozenset[str] = field(default_factory=frozenset)
    slow: float = 0.0


class Replica:
    """One service of one process."""

    def __init__(self, bus: Bus, database: Database, facts: Facts, off: frozenset[str]) -> None:
        self.wake_relay, self.wake_redrive = asyncio.Event(), asyncio.Event()
        group, clock = database.schema, SystemClock()
        self.reader = Reader(
            database,
            bus,
            group,
            facts,
            clock,
            self._committed,
            lease=False,
            positions=weakened.positions_for(facts.stream, group, off),
            inbox=weakened.inbox_for(group, off),
        )
        redrive = weakened.UnlockedRedrive if "redrive-lock" in off else Redrive
        self.redrive = redrive(
            database, group, {facts.stream: facts}, clock, self.wake_redrive, self._committed
        )
        relay = weakened.SkippingRelay if "single-relay" in off else Relay
        self.relay = relay(database, bus, group, self.wake_relay)

    def _committed(self, work: Work) -> None:
        self.wake_relay.set()

    async def run(self, stopping: asyncio.Event) -> None:
        await asyncio.gather(self.reader.run(stopping), self.redrive.run(stopping), self.relay.run(stopping))


async def work(orders: Orders) -> None:
    """Run both services until killed."""
    bus = await Bus.connect(orders.nats_url)
    replicas = []
    for facts in (floor_facts(orders.slow), echo_facts()):
        schema = facts.stream.removeprefix("CRM_").lower()
        database = await Database.connect(orders.dsn, schema, size=6, takeover=TAKEOVER)
        replicas.append(Replica(bus, database, facts, orders.off))
    await asyncio.gather(*(replica.run(asyncio.Event()) for replica in replicas))


def main(orders: Orders) -> None:
    """The process."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(work(orders))
