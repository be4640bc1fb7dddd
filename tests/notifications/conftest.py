"""A stage and an SMTP server for every test of notifications."""

from collections.abc import AsyncIterator

import pytest

from services.runtime.database import Database
from tests.notifications.smtp_sink import Sink, sink
from tests.notifications.stage import Stage


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[Stage]:
    """The notifications schema of a fresh database."""
    database = await Database.connect(database_dsn, "notifications", size=10)
    yield Stage(database)
    await database.close()


@pytest.fixture
async def smtp() -> AsyncIterator[Sink]:
    """A real SMTP server."""
    async with sink() as made:
        yield made
