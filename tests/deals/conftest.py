"""A stage for every test of deals."""

from collections.abc import AsyncIterator

import pytest

from services.runtime.database import Database
from tests.deals.stage import Stage


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[Stage]:
    """The deals schema of a fresh database, with the sample funnels."""
    database = await Database.connect(database_dsn, "deals", size=20)
    yield Stage(database)
    await database.close()
