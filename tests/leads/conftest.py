"""A stage for every test of leads."""

from collections.abc import AsyncIterator

import pytest

from services.runtime.database import Database
from tests.leads.stage import Stage


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[Stage]:
    """The leads schema of a fresh database, with no rules."""
    database = await Database.connect(database_dsn, "leads", size=20)
    yield Stage(database)
    await database.close()
