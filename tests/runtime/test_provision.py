from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.runtime.bus import Bus
from services.runtime.provision import (
    ProvisionRefused,
    Spec,
    buckets,
    commands_consumer,
    commands_stream,
    drift,
    facts_stream,
    ingress_stream,
    intake_stream,
    provision,
)
from tests.support.accounts import NatsAccount


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    bus = await Bus.connect(nats_account.url)
    yield bus
    await bus.close()


def everything() -> list[Spec]:
    return [
        commands_consumer("bell"),
        intake_stream(),
        facts_stream("tower", ["bells", "ropes"]),
        commands_stream(),
        ingress_stream("acme"),
        *buckets(),
    ]


async def test_all_is_made_once_and_then_stands(bus: Bus) -> None:
    made = await provision(bus, everything())
    assert {change.did for change in made} == {"created"}
    assert len(made) == len(everything())
    assert await provision(bus, everything()) == []
    assert await drift(bus, everything()) == []


async def test_streams_are_on_disk_and_refuse_when_full(bus: Bus) -> None:
    await provision(bus, everything())
    for name in ("INTAKE", "CRM_TOWER", "COMMANDS", "INGRESS_ACME"):
        config = (await bus.js.stream_info(name)).config
        assert (config.storage, config.discard) == ("file", "new")
        assert not any([config.allow_rollup_hdrs, config.allow_msg_ttl, config.allow_msg_schedules])
    assert (await bus.js.stream_info("CRM_TOWER")).config.subjects == ["crm.bells.>", "crm.ropes.>"]


async def test_commands_wait_for_ever_for_their_service(bus: Bus) -> None:
    await provision(bus, everything())
    config = (await bus.js.consumer_info("COMMANDS", "bell-commands")).config
    assert (config.max_deliver, config.ack_wait, config.ack_policy) == (-1, 30, "explicit")
    assert config.filter_subject == "do.bell.>"


async def test_drift_is_told_and_repaired(bus: Bus) -> None:
    await provision(bus, everything())
    wanted = [intake_stream(keep=timedelta(days=7)), facts_stream("clock", ["hours"])]
    assert await drift(bus, wanted) == [
        "INTAKE differs: max_age is 2592000, should be 604800",
        "CRM_CLOCK is missing: run `leadwire provision`",
    ]
    changes = await provision(bus, wanted)
    assert [(change.name, change.did) for change in changes] == [
        ("INTAKE", "updated"),
        ("CRM_CLOCK", "created"),
    ]
    assert await drift(bus, wanted) == []


async def test_a_subject_moves_from_one_stream_to_another(bus: Bus) -> None:
    await provision(bus, [facts_stream("tower", ["bells"]), facts_stream("clock", ["hours"])])
    await bus.publish("CRM_TOWER", "crm.bells.struck.v1.00", b"before")
    taker = facts_stream("clock", ["hours", "bells.heard"])
    with pytest.raises(ProvisionRefused, match=r"CRM_CLOCK cannot be changed .*overlap"):
        await provision(bus, [taker])
    giver = facts_stream("tower", ["bells.struck"])
    assert [change.name for change in await provision(bus, [taker, giver])] == ["CRM_TOWER", "CRM_CLOCK"]
    assert (await bus.js.get_msg("CRM_TOWER", 1)).data == b"before"
    assert (await bus.js.publish("crm.bells.heard.v1.00", b"")).stream == "CRM_CLOCK"


async def test_what_the_server_refuses_is_told_with_the_stream(bus: Bus) -> None:
    with pytest.raises(ProvisionRefused, match=r"INTAKE cannot be created: .*10047"):
        await provision(bus, [intake_stream(max_bytes=2**60)])


async def test_the_buckets_work(bus: Bus) -> None:
    await provision(bus, buckets())
    bucket = await bus.kv("tokens")
    await bucket.put("a", b"1")
    await bucket.purge("a")
    store = await bus.objects("deliveries")
    await store.put("large", b"x" * 3_000_000)
    assert len((await store.get("large")).data or b"") == 3_000_000
