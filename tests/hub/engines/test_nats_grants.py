"""What a service may do on the bus, asked of a real server."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from nats.aio.msg import Msg
from nats.errors import NoRespondersError

from services.connectors.domain import Delivery
from services.connectors.errors import Gone
from services.connectors.files.jetstream import ObjectStore
from services.connectors.files.spool import Spool
from services.connectors.store.raw import large_body, store
from services.hub.engines.nats_grants import SERVICES
from services.hub.topology import specs
from services.runtime import streams
from services.runtime.bus import Bus
from services.runtime.feed import Feed
from services.runtime.provision import provision
from tests.hub.engines.bus import HubBus, assert_deaf, assert_refused, hub_bus
from tests.support.wait import until

OWN = {
    "connectors": "crm.interactions.received.v1.03",
    "leads": "crm.leads.captured.v1.03",
    "deals": "crm.deals.opened.v1.03",
    "notifications": "crm.messages.sent.v1.03",
}


@pytest.fixture
async def bus(home: Path) -> AsyncIterator[HubBus]:
    async with hub_bus(home, ["acme"]) as running:
        hub = await Bus.connect(running.engines.nats_url, seed_path=running.engines.nats_credentials)
        await provision(hub, specs(["acme"]))
        await hub.close()
        yield running


@pytest.mark.parametrize("service", list(SERVICES))
async def test_a_service_publishes_its_own_facts_and_nobody_elses(bus: HubBus, service: str) -> None:
    client = await bus.connect(service)
    stored = await client.jetstream().publish(OWN[service], b"{}")
    assert stored.stream == f"CRM_{service.upper()}"
    for other in SERVICES:
        if other != service:
            await assert_refused(bus, client, OWN[other])
    if service != "connectors":
        await assert_refused(bus, client, "intake.main-site")
    await assert_refused(bus, client, "ingress.acme")
    await assert_refused(bus, client, "$KV.tokens.x")
    await assert_refused(bus, client, "$KV.definitions.active")
    await assert_refused(bus, client, "$JS.API.STREAM.DELETE.CRM_LEADS")
    await assert_refused(bus, client, "$JS.API.STREAM.PURGE.INTAKE")


async def test_of_a_thing_with_two_owners_each_tells_its_own_facts(bus: HubBus) -> None:
    told = {"connectors": "crm.calls.ringing.v1.00", "leads": "crm.calls.identified.v1.00"}
    for service, other in (("connectors", "leads"), ("leads", "connectors")):
        client = await bus.connect(service)
        assert (await client.jetstream().publish(told[service], b"{}")).stream == f"CRM_{service.upper()}"
        await assert_refused(bus, client, told[other])
    mine = await _service_bus(bus, "leads")
    for stream in ("CRM_LEADS", "CRM_CONNECTORS"):
        feed = await Feed.open(mine, stream, datetime.now(UTC) - timedelta(hours=1), ["crm.calls.*.v1.*"])
        assert feed.pending == len(await feed.next(5)) == 1
        await feed.close()
    await mine.close()


async def _service_bus(bus: HubBus, service: str) -> Bus:
    return await Bus.connect(
        bus.engines.nats_url, seed_path=bus.engines.seed(service), inbox_prefix=f"_INBOX_{service}"
    )


@pytest.mark.parametrize(
    ("service", "stream", "subject"),
    [
        ("leads", "CRM_CONNECTORS", OWN["connectors"]),
        ("deals", "CRM_LEADS", OWN["leads"]),
        ("notifications", "CRM_LEADS", OWN["leads"]),
        ("connectors", "INTAKE", "intake.main-site"),
        ("connectors", "INGRESS_ACME", "ingress.acme"),
    ],
)
async def test_a_reader_follows_a_stream_with_its_own_rights_alone(
    bus: HubBus, service: str, stream: str, subject: str
) -> None:
    hub = await bus.connect("hub")
    await hub.jetstream().publish(subject, b"fact")
    mine = await _service_bus(bus, service)
    feed = await Feed.open(mine, stream, 1)
    assert [message.body for message in await feed.next(5)] == [b"fact"]
    await feed.close()
    await mine.close()


async def test_a_service_reads_definitions_and_hears_of_new_ones(bus: HubBus) -> None:
    for service in SERVICES:
        mine = await _service_bus(bus, service)
        heard = await mine.nc.subscribe(streams.DEFINITIONS_CHANGED)
        await mine.nc.flush()
        hub = await bus.connect("hub")
        await (await hub.jetstream().key_value("definitions")).put("active", b"v1")
        assert (await heard.next_msg(5)).data == b"v1"
        bucket = await mine.kv("definitions")
        assert (await bucket.get("active")).value == b"v1"
        watcher = await bucket.watchall()
        assert (await watcher.updates(5)).key == "active"
        await watcher.stop()
        await mine.close()


async def test_a_service_takes_its_own_commands_only(bus: HubBus) -> None:
    deals = await bus.connect("deals")
    await deals.jetstream().publish("do.notifications.enrol.v1", b"{}")
    await assert_refused(bus, deals, "do.leads.merge.v1")
    theirs = streams.commands_durable("notifications")
    await assert_refused(bus, deals, f"$JS.API.CONSUMER.MSG.NEXT.COMMANDS.{theirs}")
    notifications = await bus.connect("notifications")
    taken = await notifications.jetstream().pull_subscribe_bind(theirs, "COMMANDS")
    (command,) = await taken.fetch(1, timeout=5)
    await command.ack_sync()
    hub = await bus.connect("hub")
    assert (await hub.jetstream().consumer_info("COMMANDS", theirs)).num_pending == 0


async def test_a_question_is_answered_and_only_its_service_hears_it(bus: HubBus) -> None:
    leads, hub = await bus.connect("leads"), await bus.connect("hub")

    async def answer(message: Msg) -> None:
        await message.respond(b"answer")

    await leads.subscribe("ask.leads.>", cb=answer)

    async def answered() -> bool:
        # nats-py's flush may ping ahead of the subscription, so that only an answer shows it stands.
        with suppress(NoRespondersError):
            return (await hub.request("ask.leads.trace.v1", b"", timeout=5)).data == b"answer"
        return False

    await until(answered)
    deals = await bus.connect("deals")
    await assert_deaf(bus, deals, "ask.leads.>")
    await assert_refused(bus, deals, "ask.leads.trace.v1")


async def test_nobody_hears_the_replies_of_another(bus: HubBus) -> None:
    deals = await bus.connect("deals")
    for subject in ("_INBOX_leads.>", "_INBOX.>", "crm.>", "intake.>", "$JS.API.>", ">"):
        await assert_deaf(bus, deals, subject)


async def test_connectors_keep_large_bodies_in_the_object_store(bus: HubBus) -> None:
    mine = await _service_bus(bus, "connectors")
    large = Delivery("main-site", "form", b"x" * 700_000, datetime(2030, 1, 1, tzinfo=UTC))
    await store(mine, large, 5.0)
    assert await large_body(mine, large) == large.body
    await mine.close()


async def test_connectors_keep_files_in_a_bucket_of_their_own(bus: HubBus) -> None:
    mine, file_id = await _service_bus(bus, "connectors"), UUID(int=7)
    place = ObjectStore(mine)
    with Spool(400_000) as spool:
        spool.write(b"x" * 400_000)
        await place.put(file_id, spool)
    assert [len(part) async for part in place.read(file_id)] == [131072, 131072, 131072, 6784]
    await place.erase(file_id)
    with pytest.raises(Gone):
        await anext(place.read(file_id))
    await mine.close()
    leads = await bus.connect("leads")
    await assert_refused(bus, leads, "$O.files.C.x")
    await assert_refused(bus, leads, "$JS.API.STREAM.MSG.GET.OBJ_files")
