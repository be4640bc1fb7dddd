"""The engines, the services as processes on them, the roads between, and the mail server at the end."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from services.hub.engines.nats import NatsServer
from services.hub.engines.postgres import PostgresServer
from services.runtime.auth import create_token
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from tests.chaos.bus import BusAddress
from tests.chaos.disks import Disk, small_disk
from tests.chaos.limits import StreamLimit
from tests.chaos.mailroad import MailRoad, before_mail
from tests.chaos.orders import Orders
from tests.chaos.people import Inlets
from tests.chaos.targets import NatsProcess, PostgresProcess, ServiceProcess, Target
from tests.e2e.hub import LEADWIRE
from tests.support import cluster, databases
from tests.support.accounts import PARTNER, pool_accounts
from tests.support.faults import PrivateEngines
from tests.support.ports import free_ports
from tests.support.proxy import Proxy, before_nats, before_postgres
from tests.support.scratch import scratch_home

DEFINITIONS = Path(__file__).parent / "definitions"
REPLICAS = {"connectors": 1, "leads": 2, "deals": 2, "notifications": 2, "hub": 1}
LOGS = Path(tempfile.gettempdir()) / "leadwire-chaos"
TELEGRAM = "only-for-this-test"
_NATS_MEGABYTES, _POSTGRES_MEGABYTES = 384, 1024


def places(replicas: Mapping[str, int]) -> dict[str, str]:
    """Every service process by name, and the service it runs."""
    return {
        service if count == 1 else f"{service}-{place + 1}": service
        for service, count in replicas.items()
        for place in range(count)
    }


@dataclass
class World:
    """Everything that runs. `dsn` and `bus` lead around the proxies; `targets` can be killed."""

    dsn: str
    bus: BusAddress
    sink_log: Path
    inlets: Inlets
    targets: Mapping[str, Target]
    mail: MailRoad
    roads: dict[str, Proxy] = field(default_factory=dict)
    disks: dict[str, Disk] = field(default_factory=dict)


@asynccontextmanager
async def own_engines(filled: bool = True) -> AsyncIterator[tuple[PrivateEngines, dict[str, Disk], Path]]:
    """Both engines on small disks of their own, where that is possible and wanted."""
    async with AsyncExitStack() as stack:
        home = stack.enter_context(scratch_home())
        disks: dict[str, Disk] = {}
        for name, size in (("nats", _NATS_MEGABYTES), ("pg", _POSTGRES_MEGABYTES)) if filled else ():
            disk = stack.enter_context(small_disk(home / name, size))
            if disk:
                disks["postgres" if name == "pg" else name] = disk
        await asyncio.to_thread(cluster.lay, home / "pg" / "data")
        engines = PrivateEngines(
            NatsServer(home / "nats", pool_accounts(2)),
            PostgresServer(home / "pg", home / "run", max_connections=150),
        )
        await asyncio.gather(engines.nats.start(), engines.postgres.start())
        if filled and "nats" not in disks:
            disks["nats"] = StreamLimit(engines.account().url)
        try:
            yield engines, disks, home
        finally:
            engines.resume_nats()
            engines.resume_postgres()
            await asyncio.gather(engines.nats.stop(), engines.postgres.stop())


@asynccontextmanager
async def world(
    replicas: dict[str, int],
    *,
    seed: int = 0,
    off: frozenset[str] = frozenset(),
    dedupe_seconds: float = 120.0,
    replay: bool = False,
) -> AsyncIterator[World]:
    """Everything up, the definitions applied."""
    async with AsyncExitStack() as stack:
        engines, disks, folder = await stack.enter_async_context(own_engines(filled=not replay))
        dsn = await stack.enter_async_context(databases.fresh(engines))
        http, smtp_in, *ports = free_ports(2 + sum(replicas.values()))
        sink_log = folder / "sink.log"
        nats, nats_url = await stack.enter_async_context(before_nats(engines.account().url))
        postgres, postgres_dsn = await stack.enter_async_context(before_postgres(dsn))
        smtp = await stack.enter_async_context(before_mail(sink_log, seed))
        environment = _environment(nats_url, postgres_dsn, smtp_in, smtp.port)
        environment["LEADWIRE_LOGBOOKS"] = str(folder / "logbooks")
        services = {
            name: _service(name, service, port, folder, environment, off, dedupe_seconds, replay)
            for (name, service), port in zip(places(replicas).items(), [http, *ports], strict=False)
        }
        account = engines.account()
        inlets = Inlets(http, smtp_in, BusAddress(account.partner_url), TELEGRAM)
        both: tuple[Target, ...] = (NatsProcess(engines), PostgresProcess(engines))
        stack.callback(_keep_logs, folder, LOGS / ("replay" if replay else "run"))
        stack.push_async_callback(_end, services)
        await _start(services, account.url, environment)
        yield World(
            dsn=dsn,
            bus=BusAddress(account.url),
            sink_log=sink_log,
            inlets=inlets,
            targets={**services, **{one.name: one for one in both}},
            mail=smtp,
            roads={"nats": nats, "postgres": postgres, "smtp": smtp},
            disks=disks,
        )


def _service(
    name: str,
    service: str,
    port: int,
    folder: Path,
    environment: dict[str, str],
    off: frozenset[str],
    dedupe_seconds: float,
    replay: bool,
) -> ServiceProcess:
    own = {**environment, "LEADWIRE_PORT": str(port)}
    log = str(folder / f"{name}.log")
    orders = Orders(service, own, log, off, dedupe_seconds, replay)
    return ServiceProcess(name, orders, f"http://127.0.0.1:{port}")


def _environment(nats_url: str, dsn: str, smtp_in: int, smtp_out: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEADWIRE_")}
    return {
        **kept,
        "LEADWIRE_NATS_URL": nats_url,
        "LEADWIRE_DATABASE_URL": dsn,
        "LEADWIRE_PARTNERS": json.dumps([PARTNER]),
        "LEADWIRE_SMTP_INLET_PORT": str(smtp_in),
        "LEADWIRE_NOTIFICATIONS_SMTP_PORT": str(smtp_out),
        "LEADWIRE_NOTIFICATIONS_SMTP_LETTER_SECONDS": "4",
        "LEADWIRE_UNSUBSCRIBE_SECRET": "only for this test",
        "TELEGRAM_SECRET": TELEGRAM,
    }


async def _start(services: dict[str, ServiceProcess], bus_url: str, environment: dict[str, str]) -> None:
    hub = services["hub"]
    await hub.start()
    await hub.ready()
    for service in services.values():
        await service.start()
    await asyncio.gather(*(service.ready() for service in services.values()))
    bus = await Bus.connect(bus_url)
    try:
        token = await create_token(await bus.kv("tokens"), "chaos", ["admin"], now=SystemClock().now())
    finally:
        await bus.close()
    told = {"LEADWIRE_URL": hub.url, "LEADWIRE_TOKEN": token}
    done = await asyncio.to_thread(
        subprocess.run,
        [LEADWIRE, "apply", str(DEFINITIONS)],
        env={**environment, **told},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


async def _end(services: dict[str, ServiceProcess]) -> None:
    for service in services.values():
        await service.resume()
        await service.kill()


def _keep_logs(folder: Path, kept: Path) -> None:
    """For whoever wants to know why; those of the last run."""
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in (*folder.glob("*.log"), *folder.glob("*/*.log")):
        shutil.copy(log, kept)
