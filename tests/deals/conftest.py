"""A stage for every test of deals."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from services.runtime.database import Database
from tests.deals.stage import Stage
from tests.support import databases
from tests.support.engines import RealEngines


@pytest.fixture(scope="module")
def stage_dsn(engines: RealEngines, failed_migrations: dict[str, Exception]) -> Iterator[str]:
    """One database for the tests of a module, which empty it between them: a clone each takes longer."""
    if "deals" in failed_migrations:
        raise RuntimeError("deals does not migrate") from failed_migrations["deals"]
    clone = databases.clone(engines)
    with asyncio.Runner() as runner:
        yield runner.run(clone.__aenter__())
        runner.run(clone.__aexit__(None, None, None))


@pytest.fixture
async def stage(stage_dsn: str) -> AsyncIterator[Stage]:
    """The deals schema, empty, with the sample funnels."""
    database = await Database.connect(stage_dsn, "deals", size=20)
    stage = Stage(database)
    await stage.empty()
    yield stage
    await database.close()
