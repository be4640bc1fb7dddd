"""Where journeys run: engines, the services as processes of their own, and a sink for their letters."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from services.hub.mailbox.files import Mailbox
from services.runtime.bus import Bus
from tests.bench.journey_cost import Meter
from tests.bench.journey_forms import publish_all, publish_paced
from tests.bench.journey_sink import Arrivals, sink
from tests.e2e.apart import Apart, admin_token
from tests.e2e.hub import a_hub
from tests.support import databases
from tests.support.faults import PrivateEngines
from tests.support.wait import until

# Room in the sink's file; people are numbered over all runs of one stage.
MOST_LETTERS = 200_000
CONNECTIONS = 8
_TOLD = {"LEADWIRE_NOTIFICATIONS_SMTP_CONNECTIONS": str(CONNECTIONS)}


class Stage:
    """Ready services. Each run is of people who have never written before."""

    def __init__(self, bus: Bus, dsn: str, roots: Mapping[str, int], arrivals: Arrivals) -> None:
        self.bus = bus
        self.dsn = dsn
        self.roots = roots
        self.arrivals = arrivals
        self._next = 0

    def people(self, count: int) -> int:
        """Take so many new people; the number of the first."""
        first, self._next = self._next, self._next + count
        return first

    def meter(self) -> Meter:
        """Begin to count CPU."""
        return Meter(self.roots)

    async def send_all(self, count: int) -> int:
        """Have so many deliveries accepted at once; the number of the first."""
        first = self.people(count)
        await publish_all(self.bus, range(first, first + count))
        return first

    async def send_paced(self, count: int, rate: float) -> tuple[int, list[float]]:
        """Have so many accepted at so many a second; the first's number, and when each was accepted."""
        first = self.people(count)
        return first, await publish_paced(self.bus, range(first, first + count), rate)

    async def quiet(self) -> None:
        """Wait until leads has heard of every letter: the last thing that comes of a form."""
        connection = await asyncpg.connect(self.dsn)

        async def heard() -> bool:
            return bool(
                await connection.fetchval("SELECT count(*) FROM leads.touches") >= self.arrivals.count
            )

        try:
            await until(heard, 60, every=0.1, why="leads to hear of every letter")
        finally:
            await connection.close()

    async def answered(self, count: int, within: float) -> None:
        """Wait until so many letters came in all."""
        await until(lambda: self.arrivals.count >= count, within, every=0.02, why=f"{count} letters")


@asynccontextmanager
async def hub_stage(folder: Path) -> AsyncIterator[Stage]:
    """`leadwire up`: everything in one process, on engines of its own."""
    with (
        sink(folder, MOST_LETTERS) as (port, sink_pid, arrivals),
        a_hub(None, LEADWIRE_NOTIFICATIONS_SMTP_PORT=str(port), **_TOLD) as hub,
    ):
        await hub.start()
        assert hub.process
        nats = next(one.pid for one in hub.family() if one.name() == "nats-server")
        # The server is older than any of its backends.
        postgres = min(hub.postgres(), key=lambda one: (one.create_time(), one.pid)).pid
        roots = {"nats": nats, "postgres": postgres, "sink": sink_pid, "hub": hub.process.pid}
        bus = await Bus.connect(hub.bus, seed_path=hub.home / "secrets" / "hub.nk")
        try:
            yield Stage(
                bus, f"postgresql://postgres@/leadwire?host={hub.home}/run&port=5432", roots, arrivals
            )
        finally:
            await bus.close()


@asynccontextmanager
async def apart_stage(engines: PrivateEngines, folder: Path, account: int = 0) -> AsyncIterator[Stage]:
    """The services as in a deployment, over engines that are up."""
    url = engines.account(account).url
    async with databases.fresh(engines) as dsn:
        with sink(folder, MOST_LETTERS) as (port, sink_pid, arrivals):
            here = Apart(url, dsn, Mailbox(folder / "mailbox"), port, folder)
            here.environment |= _TOLD
            bus = await Bus.connect(url)
            try:
                await here.start()
                await here.apply(await admin_token(url))
                pids = {name: process.pid for name, process in here.processes.items()}
                yield Stage(bus, dsn, {**pids, **engine_pids(engines), "sink": sink_pid}, arrivals)
            finally:
                here.end()
                await bus.close()


def engine_pids(engines: PrivateEngines) -> dict[str, int]:
    """The processes at the head of both engines."""
    children = {"nats": engines.nats.child, "postgres": engines.postgres.child}
    return {name: child.pid for name, child in children.items() if child}
