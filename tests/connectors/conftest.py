"""A stage for every test of connectors, and a bus with its streams."""

from collections.abc import AsyncIterator

import pytest

from services.runtime.bus import Bus
from services.runtime.database import Database
from services.runtime.provision import Spec, buckets, facts_stream, ingress_stream, intake_stream, provision
from services.runtime.streams import commands_consumer, commands_stream
from tests.connectors.stage import Stage
from tests.support.accounts import PARTNER, NatsAccount


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[Stage]:
    """The connectors schema of a fresh database."""
    database = await Database.connect(database_dsn, "connectors", size=10)
    yield Stage(database)
    await database.close()


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    """A bus with the streams of this service."""
    bus = await Bus.connect(nats_account.url)
    specs: list[Spec] = [
        intake_stream(),
        ingress_stream(PARTNER),
        facts_stream("connectors", ["interactions", "calls", "files", "receipts"]),
        *buckets(),
        commands_stream(),
        commands_consumer("connectors"),
    ]
    await provision(bus, specs)
    yield bus
    await bus.close()
