"""Engines of these tests' own: they are killed, corrupted and refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cluster
from tests.support.scratch import scratch_home


@pytest.fixture
def home() -> Iterator[Path]:
    """A throw-away folder with a short path."""
    with scratch_home() as folder:
        yield folder


@pytest.fixture
def used_home(home: Path) -> Path:
    """The same folder with PostgreSQL's data folder in it."""
    cluster.lay(home / "postgres" / "data")
    return home
