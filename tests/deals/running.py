"""The whole service on real engines: facts go in over the bus, answers come out over bus and HTTP."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from contracts.contract import Contract, plain, stream_of, subject_of
from contracts.envelope import Envelope, decode
from services.deals.app import build
from services.deals.settings import DealsSettings
from services.hub.topology import specs
from services.runtime.auth import create_token
from services.runtime.bus import Bus
from services.runtime.host import Host
from services.runtime.provision import provision
from services.runtime.streams import DEFINITIONS_BUCKET, TOKENS_BUCKET
from services.runtime.web import build_app
from tests.deals.samples import NOW, REACH
from tests.support.wait import until


@dataclass
class MovableClock:
    """Stands still until it is moved."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time


@dataclass
class Running:
    """deals, running; `http` has a token that may everything."""

    host: Host
    bus: Bus
    http: httpx.AsyncClient
    clock: MovableClock
    tokens: dict[str, str] = field(default_factory=dict)

    async def tell(self, *data: Contract, correlation: str = "enquiry", event_id: str = "") -> None:
        """Publish facts, each as an event of its own unless an id is given."""
        for one in data:
            envelope = Envelope(
                id=event_id or str(uuid.uuid4()),
                source="/test",
                type=one.TYPE,
                subject=one.entity(),
                data=plain(one),
                correlationid=correlation,
            )
            headers = envelope.headers(one.key())
            # The bus would swallow a repeat; what the service makes of one is the question.
            headers["Nats-Msg-Id"] = str(uuid.uuid4())
            await self.bus.publish(stream_of(type(one)), subject_of(one), envelope.encode(), headers)

    async def settled(self) -> None:
        """Wait until everything published was read, and everything to publish was published."""

        async def quiet() -> bool:
            async with self.host.database.pool.acquire() as connection:
                rows = await connection.fetch("SELECT stream, seq FROM positions")
                waiting = await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")
            position = {row["stream"]: row["seq"] for row in rows}
            for stream in self.host.readers:
                state = (await self.bus.js.stream_info(stream)).state
                if position.get(stream, 0) < state.last_seq:
                    return False
            return not waiting

        await until(quiet)

    async def said(self, contract: type[Contract]) -> list[Envelope]:
        """What was published of this contract, in order."""
        stream = stream_of(contract)
        state = (await self.bus.js.stream_info(stream)).state
        found = []
        for seq in range(max(1, state.first_seq), state.last_seq + 1):
            envelope = decode((await self.bus.js.get_msg(stream, seq)).data or b"")
            if envelope.type == contract.TYPE:
                found.append(envelope)
        return found

    async def rows(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        """What a query gives."""
        return [dict(row) for row in await self.host.database.pool.fetch(sql, *arguments)]

    async def pass_time(self, span: timedelta) -> None:
        """Move the clock and let timers know."""
        self.clock.time += span
        self.host.wake_timers()

    def bearer(self, role: str) -> dict[str, str]:
        """The header of somebody with only this role."""
        return {"Authorization": f"Bearer {self.tokens[role]}"}


@asynccontextmanager
async def provisioned(url: str) -> AsyncIterator[Bus]:
    """A bus with every stream of a hub, the sample definitions active."""
    bus = await Bus.connect(url)
    await provision(bus, specs())
    await activate(bus, REACH, "v1")
    yield bus
    await bus.close()


async def activate(bus: Bus, part: dict[str, Any], version: str) -> None:
    """Make a set of definitions the active one."""
    bucket = await bus.kv(DEFINITIONS_BUCKET)
    await bucket.put(f"parts.{version}.deals", json.dumps(part).encode())
    await bucket.put("active", json.dumps({"version": version}).encode())


@asynccontextmanager
async def running(bus: Bus, dsn: str, clock: MovableClock | None = None) -> AsyncIterator[Running]:
    """The service, started as in production."""
    clock = clock or MovableClock()
    host = await Host.create(build(), DealsSettings(database_url=SecretStr(dsn)), bus, clock)
    kv = await bus.kv(TOKENS_BUCKET)
    tokens = {role: await create_token(kv, role, [role], now=NOW) for role in ("admin", "sales", "viewer")}
    transport = httpx.ASGITransport(build_app([host]))
    headers = {"Authorization": f"Bearer {tokens['admin']}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://deals/api/deals", headers=headers
    ) as http:
        await host.start()
        try:
            yield Running(host, bus, http, clock, tokens)
        finally:
            await host.stop()
