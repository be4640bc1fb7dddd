"""What an outside system can do with its credentials, asked of a real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import nats.errors
import pytest
from nats.js.errors import APIError, NoStreamResponseError

from services.hub.engines.engines import Engines
from services.hub.engines.errors import EngineError
from services.hub.engines.nats_accounts import PARTNER_LIMITS
from services.runtime.bus import Bus
from services.runtime.provision import provision
from services.runtime.streams import ingress_stream, intake_stream
from tests.hub.engines.bus import HubBus, assert_deaf, assert_refused, hub_bus
from tests.support.wait import until


@pytest.fixture
async def bus(home: Path) -> AsyncIterator[HubBus]:
    async with hub_bus(home, ["acme", "beta"]) as running:
        hub = await Bus.connect(running.engines.nats_url, seed_path=running.engines.nats_credentials)
        await provision(hub, [intake_stream(), ingress_stream("acme"), ingress_stream("beta")])
        await hub.close()
        yield running


async def test_a_partner_publishes_to_its_ingress_and_is_told_that_it_is_stored(bus: HubBus) -> None:
    acme = await bus.connect_partner("acme")
    stored = await acme.jetstream().publish("ingress.acme", b"event", headers={"Nats-Msg-Id": "1"})
    assert (stored.stream, stored.seq, bool(stored.duplicate)) == ("INGRESS_ACME", 1, False)
    hub = await bus.connect("hub")
    kept = await hub.jetstream().get_msg("INGRESS_ACME", 1)
    assert (kept.subject, kept.data) == ("ingress.acme", b"event")


async def test_the_message_ids_of_a_partner_swallow_nobody_elses(bus: HubBus) -> None:
    for name in ("acme", "beta"):
        partner = await bus.connect_partner(name)
        same = {"Nats-Msg-Id": "same"}
        stored = await partner.jetstream().publish(f"ingress.{name}", b"x", headers=same)
        assert not stored.duplicate


@pytest.mark.parametrize(
    "subject",
    [
        "ingress.beta",
        "ingress.acme.more",
        "intake.main-site",
        "crm.leads.captured.v1.00",
        "do.leads.merge.v1",
        "ask.leads.trace.v1",
        "$JS.API.STREAM.INFO.INGRESS_ACME",
        "$JS.API.STREAM.NAMES",
        "$JS.ACK.INGRESS_ACME.x.1.1.1.1.0",
        "$KV.tokens.x",
        "$SYS.REQ.SERVER.PING",
        "_INBOX_leads.x",
    ],
)
async def test_a_partner_publishes_nowhere_else(bus: HubBus, subject: str) -> None:
    await assert_refused(bus, await bus.connect_partner("acme"), subject)


@pytest.mark.parametrize("subject", ["crm.>", "ingress.acme", "intake.>", "$KV.>", "$SYS.>", ">"])
async def test_a_partner_hears_nothing(bus: HubBus, subject: str) -> None:
    await assert_deaf(bus, await bus.connect_partner("acme"), subject)


async def test_what_a_partner_hears_in_its_own_inbox_comes_from_its_own_world(bus: HubBus) -> None:
    acme, hub = await bus.connect_partner("acme"), await bus.connect("hub")
    heard = await acme.subscribe("_INBOX.>")
    await acme.flush()
    await hub.publish("_INBOX.anything", b"a secret")
    await hub.flush()
    await acme.flush()
    assert heard.pending_msgs == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Nats-Rollup": "all"},
        {"Nats-TTL": "1s"},
        {"Nats-Schedule": "@at 2030-01-01T00:00:00Z", "Nats-Schedule-Target": "ingress.acme.x"},
    ],
)
async def test_a_partner_cannot_make_the_server_delete_or_send(bus: HubBus, headers: dict[str, str]) -> None:
    acme = await bus.connect_partner("acme")
    await acme.jetstream().publish("ingress.acme", b"first")
    with pytest.raises(APIError):
        await acme.jetstream().publish("ingress.acme", b"x", headers=headers)
    hub = await bus.connect("hub")
    assert (await hub.jetstream().stream_info("INGRESS_ACME")).state.messages == 1


async def test_a_partner_sends_nothing_larger_than_its_limit(bus: HubBus) -> None:
    acme = await bus.connect_partner("acme")
    await acme.publish("ingress.acme", b"x" * (PARTNER_LIMITS.payload + 1))
    await until(lambda: not acme.is_connected or acme.stats["reconnects"], why="it is cut off")
    hub = await bus.connect("hub")
    assert (await hub.jetstream().stream_info("INGRESS_ACME")).state.messages == 0


async def test_a_partner_opens_no_more_connections_than_its_limit(bus: HubBus) -> None:
    for _ in range(PARTNER_LIMITS.connections):
        await bus.connect_partner("acme")
    with pytest.raises((nats.errors.Error, OSError)):
        await bus.connect_partner("acme")
    assert any("maximum account active connections" in told for told in bus.refused)


async def test_partners_come_and_go_while_the_others_stay_connected(bus: HubBus) -> None:
    hub, beta = await bus.connect("hub"), await bus.connect_partner("beta")
    gone = await bus.connect_partner("acme")
    await bus.engines.reload_partners(["beta", "gamma"])
    js = hub.jetstream()
    await js.add_stream(name="INGRESS_GAMMA", subjects=["ingress.gamma"])
    gamma = await bus.connect_partner("gamma")
    assert (await gamma.jetstream().publish("ingress.gamma", b"x")).seq == 1
    assert (await beta.jetstream().publish("ingress.beta", b"x")).seq == 1
    assert hub.stats["reconnects"] == beta.stats["reconnects"] == 0
    await until(lambda: not gone.is_connected or gone.stats["reconnects"], why="acme is turned out")
    with pytest.raises((nats.errors.Error, NoStreamResponseError)):
        await gone.jetstream().publish("ingress.acme", b"x", timeout=0.5)


async def test_a_name_that_no_subject_can_hold_is_refused(bus: HubBus) -> None:
    for name in ("a.b", "A", "", "a b", ">", "x" * 41):
        with pytest.raises(EngineError, match="cannot name a partner"):
            await bus.engines.reload_partners([name])


async def test_every_message_is_on_disk_before_it_is_acknowledged(bus: HubBus) -> None:
    """The server's own word for it; with anything else a crash of the machine could lose deliveries."""
    import json

    system = await bus.connect("sys")
    told = json.loads((await system.request("$SYS.REQ.SERVER.PING.VARZ", b"", timeout=5)).data)
    assert told["data"]["jetstream"]["config"]["sync_always"] is True
    assert told["data"]["http_port"] == 0


async def test_seeds_are_readable_by_their_owner_alone(bus: HubBus) -> None:
    engines: Engines = bus.engines
    for seed in (engines.nats_credentials, engines.seed("leads"), engines.partner_seed("acme")):
        assert seed.stat().st_mode & 0o077 == 0
        assert seed.parent.stat().st_mode & 0o077 == 0
