"""What must be there before services start: streams, buckets, tables. Doing it again changes nothing."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import asyncpg

from services.hub import topology
from services.hub.errors import HubProblem
from services.runtime.bus import Bus, BusUnavailable
from services.runtime.provision import Change, provision
from services.runtime.settings import Settings, settings_of

_CONNECT_SECONDS = 15.0
_ROOMS = Path(__file__).parents[1]
_REVISION = re.compile(r"""^(down_)?revision\b[^=]*=\s*["']([^"']+)["']""", re.MULTILINE)


async def provision_bus(settings: Settings, partners: Iterable[str]) -> list[Change]:
    """Connect and make every stream and bucket. Raises BusUnavailable, ProvisionRefused."""
    bus = await connected(settings)
    try:
        return await make_streams(bus, settings, partners)
    finally:
        await bus.close()


async def make_streams(bus: Bus, settings: Settings, partners: Iterable[str]) -> list[Change]:
    """Everything a whole hub has on the bus. Raises ProvisionRefused."""
    wanted = topology.specs(
        partners,
        keep_intake=timedelta(days=settings.keep_intake_days),
        keep_facts=timedelta(days=settings.keep_facts_days),
        intake_max_bytes=settings.intake_max_bytes,
    )
    return await provision(bus, wanted, replicas=settings.nats_replicas)


async def connected(settings: Settings) -> Bus:
    """A connection of one's own. Raises BusUnavailable when nobody answers in time."""
    bus = Bus(
        settings.nats_url.get_secret_value(),
        seed_path=settings.nats_seed_file,
        name="leadwire provision",
        inbox_prefix=settings.nats_inbox_prefix,
    )
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await bus.open()
    except TimeoutError:
        await bus.close()
        raise BusUnavailable(f"nobody answered within {_CONNECT_SECONDS:.0f} s") from None
    return bus


def migrate_everything(settings: Settings) -> None:
    """Migrate every service, each with its own address of the database. Raises HubProblem."""
    for service in topology.SERVICES:
        own = settings_of(service)
        given = own if "database_url" in own.model_fields_set else settings
        migrate(given.database_url.get_secret_value(), [service])


def migrate(dsn: str, services: Iterable[str]) -> None:
    """Run the migrations in a process of their own, so that their imports do not stay in memory.

    Raises HubProblem.
    """
    done = subprocess.run(
        [sys.executable, "-m", "services.runtime.migrate", dsn, *services],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise HubProblem(
            f"The tables cannot be brought up to date: {words}.",
            "See that the database answers and that its role may create a schema, then try again.",
        )


async def behind(dsn: str, services: Iterable[str]) -> list[str]:
    """The services whose schema is not at its newest. Cheap: reads no migration, runs none."""
    connection = await asyncpg.connect(dsn)
    try:
        return [service for service in services if await _at(connection, service) != newest(service)]
    finally:
        await connection.close()


async def _at(connection: "asyncpg.Connection[asyncpg.Record]", service: str) -> str | None:
    try:
        found: str | None = await connection.fetchval(f'SELECT version_num FROM "{service}".alembic_version')
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return None
    return found


def newest(service: str) -> str:
    """The last revision of a service's history: the one that no other follows."""
    revisions: set[str] = set()
    followed: set[str] = set()
    for file in (_ROOMS / service / "migrations" / "versions").glob("*.py"):
        for down, revision in _REVISION.findall(file.read_text()):
            (followed if down else revisions).add(revision)
    ends = sorted(revisions - followed)
    return ends[-1] if ends else ""
