"""Connectors as a running service on real engines, with its HTTP and SMTP inlets on real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from nats.aio.client import Client
from pydantic import SecretStr

from contracts.envelope import Envelope, decode
from services.connectors.app import build
from services.connectors.settings import ConnectorsSettings
from services.runtime.auth import create_token
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from services.runtime.host import Host
from services.runtime.serving import listen, serve
from services.runtime.web import build_app
from tests.connectors.stage import CHANNELS, SECRETS
from tests.support.accounts import PARTNER, NatsAccount
from tests.support.wait import until

ACME: dict[str, Any] = {"kind": "nats", "settings": {"partner": PARTNER}, "mapping": {"text": "comment"}}
ALL_CHANNELS = {**CHANNELS, "acme": ACME}


@dataclass
class Service:
    """One running process of connectors."""

    host: Host
    http: httpx.AsyncClient
    smtp_port: int
    account: NatsAccount
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def bus(self) -> Bus:
        return self.host.bus

    async def define(self, channels: Mapping[str, Any]) -> None:
        """Make these the channels, and wait until the service has them."""
        await activate(self.bus, channels)
        assert self.host.definitions
        await until(
            lambda: self.host.definitions and set(self.host.definitions.current.channels) == set(channels)
        )

    async def as_role(self, role: str) -> dict[str, str]:
        """Headers of a caller with this role."""
        if role not in self.tokens:
            now = SystemClock().now()
            self.tokens[role] = await create_token(await self.bus.kv("tokens"), role, [role], now=now)
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    async def post(self, channel: str, body: str | bytes, **headers: str) -> httpx.Response:
        """Hand a delivery over."""
        given = {"content-type": "application/x-www-form-urlencoded"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(f"/in/{channel}", content=body, headers=given)

    async def facts(self, count: int = 0, within: float = 10) -> list[Envelope]:
        """What is on the bus, once it is at least so much."""

        async def enough() -> bool:
            return (await self.bus.js.stream_info("CRM_CONNECTORS")).state.messages >= count

        await until(enough, within=within, why=f"{count} facts")
        state = (await self.bus.js.stream_info("CRM_CONNECTORS")).state
        found = [await self.bus.js.get_msg("CRM_CONNECTORS", seq + 1) for seq in range(state.messages)]
        return [decode(message.data or b"") for message in found]

    async def deliveries(self, **wanted: str) -> list[dict[str, Any]]:
        """What the API lists."""
        headers = await self.as_role("marketing")
        answer = await self.http.get("/api/connectors/deliveries", params=wanted, headers=headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    async def judged(self, count: int = 1, within: float = 10, **wanted: str) -> list[dict[str, Any]]:
        """What the API lists, once it is at least so much."""

        async def enough() -> list[dict[str, Any]]:
            found = await self.deliveries(**wanted)
            return found if len(found) >= count else []

        return await until(enough, within=within, why=f"{count} deliveries {wanted}")

    async def publish_as_partner(self, body: bytes, **headers: str) -> None:
        """What the partner does, with credentials that allow nothing else."""
        client = Client()
        await client.connect(self.account.partner_url)
        try:
            await client.jetstream().publish(f"ingress.{PARTNER}", body, headers=headers or None)
        finally:
            await client.close()


async def activate(bus: Bus, channels: Mapping[str, Any]) -> None:
    """Write a set of definitions and make it the active one."""
    bucket = await bus.kv("definitions")
    body = json.dumps({"channels": channels}).encode()
    version = f"v{abs(hash(body))}"
    await bucket.put(f"parts.{version}.connectors", body)
    await bucket.put("active", json.dumps({"version": version}).encode())


def settings_for(account: NatsAccount, dsn: str, **more: Any) -> ConnectorsSettings:
    """Settings of a service under test: free ports."""
    return ConnectorsSettings(
        nats_url=SecretStr(account.url),
        database_url=SecretStr(dsn),
        port=0,
        smtp_inlet_port=0,
        partners=(PARTNER,),
        **more,
    )


@asynccontextmanager
async def running(
    account: NatsAccount, dsn: str, *, without: Sequence[str] = (), **more: Any
) -> AsyncIterator[Service]:
    """The service, started and stopped; `without` names parts that stay off, such as the relay."""
    settings = settings_for(account, dsn, **more)
    ports: asyncio.Queue[int] = asyncio.Queue()
    program = build(settings, secrets=SECRETS, smtp_started=ports.put_nowait)
    bus = await Bus.connect(account.url)
    host = await Host.create(program, settings, bus)
    loops = {name: loop for name, loop in host._loops().items() if name not in without}
    host._supervisor.start(loops)
    listening = listen(settings)
    http = asyncio.create_task(serve(build_app([host]), settings, listening, host.stopping, _at_once))
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=base, timeout=30) as client:
            yield Service(host, client, await asyncio.wait_for(ports.get(), 10), account)
    finally:
        host.stopping.set()
        await http
        await host.stop()
        await bus.close()


async def _at_once() -> bool:
    return True


__all__ = ["ALL_CHANNELS", "Service", "activate", "running"]
