"""A hub that is up, shared by the tests of one module."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.e2e.hub import Hub, a_hub


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub that is up; every test uses people of its own."""
    with a_hub() as one:
        asyncio.run(one.start())
        yield one


@pytest.fixture
def new_hub() -> Iterator[Hub]:
    """A hub of the test's own, not started."""
    with a_hub() as one:
        yield one
