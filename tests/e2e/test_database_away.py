"""PostgreSQL goes away under a stream of forms: all that was answered with success is done, once."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from services.hub.mailbox.files import Mailbox
from tests.e2e.apart import Apart, apart
from tests.e2e.hub import Hub
from tests.e2e.stream import Stream, forms
from tests.support.faults import PrivateEngines
from tests.support.processes import send
from tests.support.wait import until

pytestmark = pytest.mark.timeout(400)
EnginesOfOnesOwn = Callable[[], Awaitable[PrivateEngines]]
LONG = pytest.mark.slow


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ("killed", 4),
        pytest.param("paused", 30, marks=LONG),
        pytest.param("killed", 30, marks=LONG),
    ],
)
async def test_forms_are_taken_while_the_database_is_away_even_by_an_inlet_started_anew(
    private_engines: EnginesOfOnesOwn, tmp_path: Path, fault: str, seconds: float
) -> None:
    engines = await private_engines()
    async with apart(engines, tmp_path) as here:
        async with forms(here.url("connectors")) as stream:
            await until(lambda: len(stream.accepted) > 5, 20)
            await leave(engines, fault)
            before = len(stream.accepted)
            await asyncio.sleep(seconds / 2)
            assert len(stream.accepted) > before, "nothing was accepted while the database was away"
            await here.restart("connectors")
            await here.ready("connectors")
            before = len(stream.accepted)
            await until(lambda: len(stream.accepted) > before + 5, 20, why="the new inlet to accept")
            await asyncio.sleep(seconds / 2)
            await come_back(engines, fault)
            await asyncio.sleep(1)
        await all_done_once(here, stream)


async def leave(engines: PrivateEngines, fault: str) -> None:
    if fault == "paused":
        engines.pause_postgres()
    else:
        await engines.kill_postgres()


async def come_back(engines: PrivateEngines, fault: str) -> None:
    if fault == "paused":
        engines.resume_postgres()
    else:
        await engines.restart_postgres()


async def all_done_once(here: Apart, stream: Stream) -> None:
    """Every accepted form has one interaction, contact, lead, deal and letter; the rest may have."""
    print(f"{len(stream.accepted)} accepted; {dict(stream.answers)}")
    await all_have_letters(here.mailbox, stream)
    # An answer lost on its way may have left more than was accepted, never twice.
    sent = sum(stream.answers.values())
    for table in ("connectors.interactions", "leads.contacts", "leads.leads", "deals.deals", "deals.tasks"):
        assert len(stream.accepted) <= await here.count(table) <= sent, table


async def all_have_letters(mailbox: Mailbox, stream: Stream) -> None:
    def missing() -> set[str]:
        return set(stream.accepted) - {letter.recipient for letter in mailbox.list(10_000)}

    await until(lambda: not missing(), 120, every=0.5, why="a letter to everybody")
    letters = Counter(letter.recipient for letter in mailbox.list(10_000))
    assert max(letters.values()) == 1
    assert not set(letters) - {f"person{n}@stream.test" for n in range(sum(stream.answers.values()))}


async def test_the_whole_hub_may_be_killed_while_its_database_does_not_answer(new_hub: Hub) -> None:
    hub = new_hub
    await hub.start()
    async with forms(hub.url) as stream:
        await until(lambda: len(stream.accepted) > 5, 20)
        send(hub.postgres(), signal.SIGSTOP)
        before = len(stream.accepted)
        await until(lambda: len(stream.accepted) > before + 20, 20, why="forms without a database")
        assert hub.process is not None
        hub.process.kill()
        hub.process.wait()
        await hub.start()
        before = len(stream.accepted)
        await until(lambda: len(stream.accepted) > before + 5, 20, why="forms after the start")
    await all_have_letters(Mailbox(hub.home / "mailbox"), stream)
    assert len(stream.accepted) <= await hub.count("deals.deals") <= sum(stream.answers.values())
