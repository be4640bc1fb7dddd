"""Stacks of containers. Nothing here is collected by a plain run: it builds images and takes minutes."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from tests.compose.stack import Stack, build, stack

collect_ignore_glob = [] if os.environ.get("LEADWIRE_TEST_COMPOSE") else ["test_*.py"]


@pytest.fixture(scope="session")
def images() -> None:
    """Images of this tree, under a version of their own."""
    build()


@pytest.fixture(scope="module")
def hub(images: None, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack that is up, with the replicas that the module's REPLICAS says; its data goes with it."""
    with stack(getattr(request.module, "REPLICAS", {})) as one:
        asyncio.run(one.start())
        yield one
        if request.session.testsfailed:
            print(one.compose("logs", "--no-color", "--tail", "100"))
