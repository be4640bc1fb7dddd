"""Hubs to test on, begun from a home that was prepared once: making one is most of a first start."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.hub import Hub, a_hub


@pytest.fixture(scope="session")
def prepared_home() -> Iterator[Path]:
    """A home with the example in force and nothing in it, not in use."""

    async def prepare(hub: Hub) -> None:
        await hub.start()
        assert await hub.stop() == 0

    with a_hub() as hub:
        asyncio.run(prepare(hub))
        yield hub.home


@pytest.fixture(scope="module")
def hub(prepared_home: Path) -> Iterator[Hub]:
    """A hub that is up; every test uses people of its own."""
    with a_hub(prepared_home) as one:
        asyncio.run(one.start())
        yield one


@pytest.fixture
def new_hub(prepared_home: Path) -> Iterator[Hub]:
    """A hub of the test's own, not started."""
    with a_hub(prepared_home) as one:
        yield one


@pytest.fixture
def blank_hub() -> Iterator[Hub]:
    """A hub that was never started."""
    with a_hub() as one:
        yield one
