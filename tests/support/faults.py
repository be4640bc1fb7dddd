"""Engines of one test alone, which it may kill, pause and start again on the same ports and paths."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.hub.engines.nats import NatsServer
from services.hub.engines.postgres import PostgresServer, running_in
from tests.support import cluster
from tests.support.accounts import NatsAccount, pool_accounts, pool_member
from tests.support.engines import WheelEngines
from tests.support.processes import send
from tests.support.scratch import scratch_home


class PrivateEngines(WheelEngines):
    """A NATS server and a PostgreSQL that nobody else uses."""

    def account(self, number: int = 0) -> NatsAccount:
        """One of the server's accounts."""
        return pool_member(self.nats_url, number)

    async def kill_nats(self) -> None:
        """SIGKILL."""
        await self.nats.child.kill()

    async def restart_nats(self) -> None:
        """Start it again on the same port and store."""
        await self.nats.start()

    def pause_nats(self) -> None:
        """SIGSTOP: alive, connected and silent."""
        self.nats.child.signal(signal.SIGSTOP)

    def resume_nats(self) -> None:
        """Go on after `pause_nats`."""
        self.nats.child.signal(signal.SIGCONT)

    async def kill_postgres(self) -> None:
        """SIGKILL of the server and every backend, as when its machine dies."""
        send(running_in(self.postgres.data), signal.SIGKILL)
        if self.postgres.child is not None:
            await self.postgres.child.kill()

    async def restart_postgres(self) -> None:
        """Start it again on the same socket and data; it recovers by itself."""
        await self.postgres.start()

    def pause_postgres(self) -> None:
        """SIGSTOP of the server and every backend."""
        send(running_in(self.postgres.data), signal.SIGSTOP)

    def resume_postgres(self) -> None:
        """Go on after `pause_postgres`."""
        send(running_in(self.postgres.data), signal.SIGCONT)


@asynccontextmanager
async def private_engines(max_connections: int = 60) -> AsyncIterator[PrivateEngines]:
    """Both engines over a folder of their own; whatever the test did to them, gone afterwards."""
    with scratch_home() as home:
        await asyncio.to_thread(cluster.lay, home / "pg" / "data")
        engines = _over(home, max_connections)
        await asyncio.gather(engines.nats.start(), engines.postgres.start())
        try:
            yield engines
        finally:
            engines.resume_nats()
            engines.resume_postgres()
            await asyncio.gather(engines.nats.stop(), engines.postgres.stop())


def _over(home: Path, max_connections: int) -> PrivateEngines:
    return PrivateEngines(
        NatsServer(home / "nats", pool_accounts(4)),
        PostgresServer(home / "pg", home / "run", max_connections=max_connections),
    )
