"""Replicas of connectors as they are deployed, on engines of their own, and an exchange for them to hear."""

import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from contracts.envelope import decode
from services.hub.topology import specs
from services.runtime.bus import Bus
from services.runtime.provision import provision
from tests.chaos.drivers.ami import CHANNEL, SECRETS, Process, Verdict, kill_again_and_again, stored
from tests.chaos.drivers.replica import Replica
from tests.chaos.orders import Orders
from tests.chaos.targets import ServiceProcess
from tests.chaos.world import own_engines
from tests.connectors.drivers.asterisk import asterisk, channel
from tests.connectors.running import activate
from tests.support import databases
from tests.support.ports import free_ports
from tests.support.wait import until

# What connectors tells of one call that rings, waits in a queue and is given up.
_FACTS = ("calls.ringing", "calls.missed", "calls.ended", "interactions.received")


@dataclass
class Service:
    """One connectors process."""

    running: ServiceProcess

    @property
    def pid(self) -> int:
        """Its number while it runs."""
        process = self.running._process
        return (process.pid or 0) if process else 0

    async def start(self) -> None:
        """Run it; returns at once."""
        await self.running.start()

    async def kill(self) -> None:
        """SIGKILL."""
        await self.running.kill()


async def with_services(kills: int, rate: float, alone: bool) -> tuple[Verdict, str]:
    """Kill replicas of connectors, or with `alone` drivers of which only one listens."""
    async with own_engines(filled=False) as (engines, _, home), databases.fresh(engines) as dsn:
        bus = await Bus.connect(engines.account().url)
        await provision(bus, specs())
        async with asterisk() as peer, _replicas(bus, dsn, home, peer.port, alone) as replicas:
            seats = ("leader",) if alone else ("leader", "beside")
            verdict = await kill_again_and_again(peer, bus, replicas, kills, seats=seats, rate=rate)
            told = "" if alone else await _facts(bus, verdict.calls)
        await bus.close()
    return verdict, told


@asynccontextmanager
async def _replicas(
    bus: Bus, dsn: str, home: Path, port: int, alone: bool
) -> AsyncIterator[Sequence[Process]]:
    channels = {CHANNEL: channel(port)}
    await activate(bus, channels)
    replicas: list[Process] = [
        Replica(bus.url, channels, SECRETS, seats=1) if alone else _service(bus.url, dsn, home, number)
        for number in range(2)
    ]
    try:
        yield replicas
    finally:
        for one in replicas:
            await one.kill()
        _keep_logs(home)


def _keep_logs(home: Path) -> None:
    """For whoever wants to know why; those of the last run."""
    for log in home.glob("connectors-*.log"):
        shutil.copy(log, tempfile.gettempdir())


def _service(url: str, dsn: str, home: Path, number: int) -> Service:
    port, smtp = free_ports(2)
    environment = {
        **SECRETS,
        "LEADWIRE_NATS_URL": url,
        "LEADWIRE_DATABASE_URL": dsn,
        "LEADWIRE_PORT": str(port),
        "LEADWIRE_SMTP_INLET_PORT": str(smtp),
    }
    orders = Orders("connectors", environment, str(home / f"connectors-{number}.log"))
    return Service(ServiceProcess(f"connectors-{number}", orders, f"http://127.0.0.1:{port}"))


async def _facts(bus: Bus, calls: int) -> str:
    """What became of the calls, counted; the last call may be cut off."""

    async def told() -> Counter[str]:
        facts = await stored(bus, "CRM_CONNECTORS", "crm.>")
        return Counter(".".join(decode(body).type.split(".")[1:3]) for body, _ in facts)

    found: Counter[str] = Counter()

    async def enough() -> bool:
        nonlocal found
        found = await told()
        return all(found[name] >= calls - 1 for name in _FACTS)

    with suppress(AssertionError):  # what is missing shows
        await until(enough, within=60, every=2.0)
    return ", ".join(f"{name} {found[name]}" for name in _FACTS)
