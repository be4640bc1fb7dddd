"""Programs of services on real engines, with a bus that has everything a hub has."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import asyncpg
import httpx
from pydantic import SecretStr

from contracts.contract import Contract
from services.hub.topology import specs
from services.runtime.auth import create_token
from services.runtime.bus import Bus
from services.runtime.cause import Cause
from services.runtime.clock import Clock, SystemClock
from services.runtime.host import Host, Program
from services.runtime.outbox import seal
from services.runtime.provision import provision
from services.runtime.schema import create_runtime_tables
from services.runtime.settings import Settings
from services.runtime.streams import TOKENS_BUCKET, commands_consumer
from services.runtime.web import build_app
from tests.support.accounts import PARTNER


@dataclass
class RunningHost:
    """A program at work, and how a test reaches it."""

    host: Host

    @property
    def bus(self) -> Bus:
        return self.host.bus

    async def publish(
        self, contract: Contract, *, event_id: str = "", correlation: str = "", source: str = "test"
    ) -> str:
        """Publish a fact or a command as another service would; returns its event id."""
        event_id = event_id or str(uuid4())
        cause = Cause(event_id, correlation or event_id)
        sealed = seal(contract, event_id=event_id, source=source, now=self.host.clock.now(), cause=cause)
        await self.bus.publish(sealed.stream, sealed.subject, sealed.body, sealed.headers)
        return event_id

    @asynccontextmanager
    async def client(self, *roles: str) -> AsyncIterator[httpx.AsyncClient]:
        """HTTP to this program as somebody with these roles; as nobody without any."""
        headers = {}
        if roles:
            bucket = await self.bus.kv(TOKENS_BUCKET)
            token = await create_token(bucket, "test", roles, now=self.host.clock.now())
            headers["Authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(build_app([self.host]), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers) as client:
            yield client


@dataclass
class Hosts:
    """Starts programs over one bus and one database; stops those that still run at the end."""

    nats_url: str
    dsn: str
    partners: Iterable[str] = (PARTNER,)
    _bus: Bus | None = None
    _running: list[RunningHost] = field(default_factory=list)

    async def start(
        self, program: Program, *, settings: Settings | None = None, clock: Clock | None = None
    ) -> RunningHost:
        """Run a program. Its schema is made if no migration did; two of one name are two replicas."""
        bus = await self.bus()
        own = [commands_consumer(program.name)] if program.commands else []
        await provision(bus, [*specs(self.partners), *program.streams, *own])
        await _ensure_schema(self.dsn, program.name)
        settings = (settings or Settings()).model_copy(update={"database_url": SecretStr(self.dsn)})
        host = await Host.create(program, settings, bus, clock or SystemClock())
        await host.start()
        running = RunningHost(host)
        self._running.append(running)
        return running

    async def bus(self) -> Bus:
        """The connection that the programs share."""
        if self._bus is None:
            self._bus = await Bus.connect(self.nats_url)
        return self._bus

    async def stop(self, running: RunningHost) -> None:
        """Stop one program, as a deployment would."""
        self._running.remove(running)
        await running.host.stop()

    async def close(self) -> None:
        """Stop whatever runs, then hang up."""
        await asyncio.gather(*(running.host.stop() for running in self._running))
        self._running.clear()
        if self._bus is not None:
            await self._bus.close()


async def _ensure_schema(dsn: str, schema: str) -> None:
    """Programs made up by a test have no migrations: give them the runtime's tables."""
    connection = await asyncpg.connect(dsn)
    try:
        if await connection.fetchval("SELECT to_regclass($1)", f'"{schema}".outbox') is None:
            await connection.execute(
                f'CREATE SCHEMA "{schema}"; SET search_path TO "{schema}"; {create_runtime_tables()}'
            )
    finally:
        await connection.close()
