"""The attacks that need no waiting, on one hub; `make hostile` carries out all of them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import prepared_home  # noqa: F401
from tests.e2e.hub import Hub, a_hub
from tests.hostile.fuzz import fuzz
from tests.hostile.suite import attack, table

# What takes seconds each and changes with nothing but its own code.
LEFT_OUT = frozenset({"patience", "size"})


@pytest.fixture(scope="module")
def hub(prepared_home: Path) -> Iterator[Hub]:  # noqa: F811
    with a_hub(prepared_home) as one:
        asyncio.run(one.start())
        yield one


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_every_attack_is_refused_or_harmless(hub: Hub) -> None:
    rows = await attack(hub, without=LEFT_OUT)
    print(table(rows))
    assert [f"{row.attack.name}: {row.got}" for row in rows if not row.held] == []


def test_the_apis_answer_as_their_documents_say(hub: Hub) -> None:
    """Examples of every operation of the whole hub; `make hostile` tries thousands of each document."""
    options = ("--phases", "examples,fuzzing", "--max-examples", "1")
    run = fuzz(hub, f"{hub.url}/openapi.json", "admin", 10, 1, *options)
    assert not run.failures, run.said
    assert run.cases > 50
