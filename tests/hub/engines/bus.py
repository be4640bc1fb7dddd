"""A NATS server with the accounts of a hub, without PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import nats
import nats.errors
from nats.aio.client import Client

from services.hub.engines.engines import Engines
from services.hub.engines.home import EngineHome
from services.hub.engines.nats_grants import inbox
from services.hub.engines.postgres import PostgresServer
from tests.support.wait import until


class HubBus:
    """Connects as anybody. Remembers what the server refused each of them."""

    def __init__(self, engines: Engines) -> None:
        self.engines = engines
        self.refused: list[str] = []
        self._clients: list[Client] = []

    async def connect(self, user: str) -> Client:
        """As `hub`, `sys` or a service, with the inbox that is its own."""
        prefix = "_INBOX" if user in ("hub", "sys") else inbox(user)
        return await self._connect(self.engines.seed(user), prefix)

    async def connect_partner(self, name: str) -> Client:
        """As a partner."""
        return await self._connect(self.engines.partner_seed(name), "_INBOX")

    async def _connect(self, seed: Path, prefix: str) -> Client:
        async def remember(error: Exception) -> None:
            self.refused.append(str(error).lower())

        client = Client()
        self._clients.append(client)
        await client.connect(
            self.engines.nats_url,
            nkeys_seed=str(seed),
            inbox_prefix=prefix.encode(),
            error_cb=remember,
            max_reconnect_attempts=2,
            reconnect_time_wait=1,
        )
        return client

    async def close(self) -> None:
        for client in self._clients:
            # The server may have ended it already.
            with suppress(OSError, nats.errors.Error):
                await client.close()


async def assert_refused(bus: HubBus, client: Client, subject: str) -> None:
    """Publishing there is a violation, of which the server tells."""
    bus.refused.clear()
    await client.publish(subject, b"{}")
    await until(
        lambda: any("permissions violation for publish" in told for told in bus.refused),
        why=f"{subject} is refused",
    )


async def assert_deaf(bus: HubBus, client: Client, subject: str) -> None:
    """Subscribing there is a violation, of which the server tells."""
    bus.refused.clear()
    await client.subscribe(subject)
    await until(
        lambda: any("permissions violation for subscription" in told for told in bus.refused),
        why=f"{subject} cannot be heard",
    )


@asynccontextmanager
async def hub_bus(home: Path, partners: Sequence[str] = ()) -> AsyncIterator[HubBus]:
    """The server, configured as in a hub, for as long as the block lasts."""
    place = EngineHome(home)
    place.hold()
    postgres = PostgresServer(place.postgres, place.sockets)
    engines = Engines(place, Engines.nats_server(place, partners), postgres)
    await engines.nats.start()
    bus = HubBus(engines)
    try:
        yield bus
    finally:
        await bus.close()
        await engines.stop()
