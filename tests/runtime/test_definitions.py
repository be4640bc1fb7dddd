import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.runtime.bus import Bus
from services.runtime.definitions import DefinitionError, DefinitionErrors, Definitions
from services.runtime.provision import buckets, provision
from services.runtime.publishing import BusUnavailable
from tests.support.accounts import NatsAccount
from tests.support.faults import PrivateEngines
from tests.support.wait import until

Bells = Definitions[list[str]]


def compile_bells(part: dict[str, Any]) -> list[str]:
    if "clapper" in part:
        raise DefinitionErrors([DefinitionError("clapper", "is not a bell", "Leave it out.")])
    return list(part.get("bells", []))


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    bus = await Bus.connect(nats_account.url)
    yield bus
    await bus.close()


@asynccontextmanager
async def followed(bus: Bus) -> AsyncIterator[Bells]:
    definitions = Definitions("tower", compile_bells)
    stopping = asyncio.Event()
    task = asyncio.create_task(definitions.follow(bus, stopping))
    try:
        yield definitions
    finally:
        stopping.set()
        await task


async def activate(bus: Bus, version: str) -> None:
    bucket = await bus.kv("definitions")
    await bucket.put("active", json.dumps({"version": version}).encode())


async def test_with_nothing_applied_the_empty_part_is_in_force(bus: Bus) -> None:
    await provision(bus, buckets())
    async with followed(bus) as definitions:
        await until(definitions.loaded.is_set)
        assert (definitions.current, definitions.version) == ([], "")


async def test_a_staged_set_is_in_force_once_it_is_made_active(bus: Bus) -> None:
    await provision(bus, buckets())
    async with followed(bus) as definitions:
        await until(definitions.loaded.is_set)
        await definitions.stage(bus, "v1", {"bells": ["great"]})
        assert definitions.current == []
        await activate(bus, "v1")
        # Far sooner than the fallback of ten seconds: the write itself wakes it.
        await until(lambda: definitions.version == "v1", within=2)
        assert definitions.current == ["great"]


async def test_an_earlier_version_stays_readable(bus: Bus) -> None:
    await provision(bus, buckets())
    async with followed(bus) as definitions:
        await definitions.stage(bus, "v1", {"bells": ["great"]})
        await definitions.stage(bus, "v2", {"bells": ["small"]})
        await activate(bus, "v2")
        await until(lambda: definitions.version == "v2")
        assert await definitions.of("v1") == ["great"]
        await activate(bus, "v1")
        await until(lambda: definitions.version == "v1")


async def test_a_wrong_part_is_not_staged_and_says_why(bus: Bus) -> None:
    await provision(bus, buckets())
    async with followed(bus) as definitions:
        await until(definitions.loaded.is_set)
        with pytest.raises(DefinitionErrors, match="clapper: is not a bell"):
            await definitions.stage(bus, "v1", {"clapper": 1})
        bucket = await bus.kv("definitions")
        assert await bucket.status()
        assert (await bus.js.stream_info("KV_definitions")).state.messages == 0


async def test_an_active_set_that_cannot_be_used_leaves_the_one_before_in_force(bus: Bus) -> None:
    await provision(bus, buckets())
    async with followed(bus) as definitions:
        await definitions.stage(bus, "v1", {"bells": ["great"]})
        await activate(bus, "v1")
        await until(lambda: definitions.version == "v1")
        bucket = await bus.kv("definitions")
        await bucket.put("parts.v2.tower", b'{"clapper": 1}')
        await activate(bus, "v2")
        await until(lambda: definitions.problem)
        assert (definitions.current, definitions.version) == (["great"], "v1")
        await bucket.put("parts.v2.tower", b'{"bells": ["small"]}')
        await activate(bus, "v2")
        await until(lambda: definitions.version == "v2")
        assert definitions.problem is None


async def test_it_waits_for_the_bucket(bus: Bus) -> None:
    async with followed(bus) as definitions:
        await until(lambda: "leadwire provision" in (definitions.problem or ""))
        await provision(bus, buckets())
        await until(definitions.loaded.is_set)


async def test_what_was_activated_while_the_bus_was_away_is_in_force_after_it(
    private_engines: Callable[[], Awaitable[PrivateEngines]],
) -> None:
    engines = await private_engines()
    bus = await Bus.connect(engines.account().url)
    await provision(bus, buckets())
    async with followed(bus) as definitions:
        await until(definitions.loaded.is_set)
        await definitions.stage(bus, "v1", {"bells": ["great"]})
        await engines.kill_nats()
        await until(lambda: not bus.connected)
        assert definitions.current == []
        with pytest.raises(BusUnavailable):
            await definitions.of("v9")
        await engines.restart_nats()
        other = await Bus.connect(engines.account().url)
        await activate(other, "v1")
        await until(lambda: definitions.version == "v1", within=20)
        await other.close()
    await bus.close()
