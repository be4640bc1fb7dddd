"""All active or none: whatever is wrong with a set, and wherever its apply is killed."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from contracts.questions import AskInFlight, subject_to
from services.hub.definitions import active
from services.hub.definitions.apply import DefinitionSet, NotStaged, apply
from services.hub.definitions.diff import difference
from services.hub.definitions.findings import DefinitionsRefused
from services.hub.partners import AdmittedElsewhere
from services.hub.settings import EXAMPLE
from services.hub.topology import SERVICES
from services.runtime.clock import SystemClock
from tests.hub.definitions.staging import Owners, owners_on, set_of
from tests.support.accounts import NatsAccount
from tests.support.wait import until

SMALL = "team:\n  anna: {name: Anna}\nchannels:\n  one: {kind: form}\n"


@pytest.fixture
async def owners(nats_account: NatsAccount) -> AsyncIterator[Owners]:
    async with owners_on(nats_account.url) as here:
        yield here


@pytest.fixture
def small(tmp_path: Path) -> DefinitionSet:
    (tmp_path / "all.yaml").write_text(SMALL)
    return set_of(tmp_path)


async def make_active(owners: Owners, wanted: DefinitionSet) -> None:
    await apply(owners.bus, wanted, AdmittedElsewhere(), by="anna", at=SystemClock().now())


async def in_force(owners: Owners, version: str) -> None:
    await until(lambda: owners.versions() == {version}, why=f"{version} in force everywhere")


async def test_a_set_is_in_force_everywhere_and_an_earlier_one_can_be_again(
    owners: Owners, small: DefinitionSet
) -> None:
    example = set_of(EXAMPLE)
    await make_active(owners, small)
    await in_force(owners, small.version)
    await make_active(owners, example)
    await in_force(owners, example.version)
    assert set(owners.parts["connectors"].current.channels) == {"main-site", "sales-bot", "inbox", "portal"}
    parts = await active.parts_of(owners.bus, small.version)
    assert parts is not None
    await make_active(owners, DefinitionSet(small.version, parts))
    await in_force(owners, small.version)
    earlier = [one.version for one in await active.earlier(owners.bus)]
    assert earlier == [small.version, example.version, small.version]


async def test_a_wrong_part_leaves_everything_as_it_was(owners: Owners, small: DefinitionSet) -> None:
    await make_active(owners, small)
    await in_force(owners, small.version)
    for service in SERVICES:
        part = {**small.parts[service], "nonsense": 1}
        wrong = replace(small, version="f" * 16, parts={**small.parts, service: part})
        with pytest.raises(DefinitionsRefused):
            await make_active(owners, wrong)
    now = await active.active(owners.bus)
    assert now is not None
    assert now.version == small.version
    assert owners.versions() == {small.version}


async def test_a_silent_owner_leaves_everything_as_it_was(
    owners: Owners, small: DefinitionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.hub.definitions.apply._STAGE_SECONDS", 0.3)

    async def say_nothing(_service: str, _message: object) -> None:
        return None

    monkeypatch.setattr(owners, "answer", say_nothing)
    with pytest.raises(NotStaged, match="connectors"):
        await make_active(owners, small)
    assert await active.active(owners.bus) is None


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("service", SERVICES)
async def test_a_kill_between_the_parts_leaves_the_old_set_and_the_next_apply_works(
    owners: Owners, small: DefinitionSet, nats_account: NatsAccount, service: str, moment: str
) -> None:
    await make_active(owners, small)
    await in_force(owners, small.version)
    example = set_of(EXAMPLE)
    with applying(nats_account.url) as process:

        def kill(asked: str) -> None:
            if asked == service:
                process.kill()

        setattr(owners, moment, kill)
        assert await asyncio.to_thread(process.wait) == -signal.SIGKILL
    setattr(owners, moment, lambda _service: None)
    now = await active.active(owners.bus)
    assert now is not None
    assert now.version == small.version
    assert owners.versions() == {small.version}
    await make_active(owners, example)
    await in_force(owners, example.version)


def applying(url: str) -> "subprocess.Popen[bytes]":
    """A process of its own that applies the example."""
    return subprocess.Popen([sys.executable, "-m", "tests.hub.definitions.staging", url, str(EXAMPLE)])


async def test_a_kill_after_the_one_write_leaves_the_new_set_everywhere(
    owners: Owners, nats_account: NatsAccount
) -> None:
    with applying(nats_account.url) as process:
        await until(lambda: owners.versions() != {""}, 20)
        process.kill()
        await asyncio.to_thread(process.wait)
    await in_force(owners, set_of(EXAMPLE).version)


async def test_a_difference_names_what_changes_and_who_did_not_say_what_is_in_flight(
    owners: Owners, small: DefinitionSet
) -> None:
    first = await difference(owners.bus, small.version, small.parts)
    assert {(change.key, change.name, change.did) for change in first.changes} == {
        ("team", "anna", "added"),
        ("channels", "one", "added"),
    }
    await make_active(owners, small)
    example = set_of(EXAMPLE)
    found = await difference(owners.bus, example.version, example.parts)
    assert found.before == small.version
    assert ("channels", "one", "removed") in {(c.key, c.name, c.did) for c in found.changes}
    assert found.silent == ["deals", "notifications"]


async def test_a_difference_tells_what_is_in_flight_in_funnels_and_sequences(
    owners: Owners, small: DefinitionSet
) -> None:
    counts = {
        "deals": {"funnels": {"reach": {"new": 2}}},
        "notifications": {"sequences": {"welcome": {"step 2": 3, "last message": 1}}},
    }
    for service, told in counts.items():

        async def answer(message: Msg, told: object = told) -> None:
            await message.respond(json.dumps(told).encode())

        await owners.bus.nc.subscribe(subject_to(AskInFlight, service), cb=answer)
    await make_active(owners, small)
    example = set_of(EXAMPLE)
    rows = (await difference(owners.bus, example.version, example.parts)).plain()["changes"]
    flight = {(row["key"], row["name"]): row["in_flight"] for row in rows if row["in_flight"]}
    assert flight == {
        ("funnels", "reach"): "new: 2",
        ("sequences", "welcome"): "step 2: 3, last message: 1",
    }
