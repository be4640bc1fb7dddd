"""The whole service on a real bus: facts in, facts out, through repeats, crashes and replicas."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from contracts.contract import plain, stream_of, subject_of
from contracts.envelope import Envelope, decode
from contracts.interactions import InteractionReceived
from contracts.leads import ContactTouched, LeadCaptured
from contracts.notifications import MessageSent
from services.hub.topology import specs
from services.leads.app import build
from services.leads.settings import LeadsSettings
from services.runtime.bus import Bus
from services.runtime.host import Host
from services.runtime.provision import provision
from tests.leads.stage import BEGIN, Stage, interaction, received
from tests.support.accounts import NatsAccount
from tests.support.wait import until

PHONE, MAIL = ("phone", "+79261234567"), ("email", "ivan@example.com")
Run = Callable[[], Awaitable[Host]]


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    bus = await Bus.connect(nats_account.url)
    await provision(bus, specs())
    yield bus
    await bus.close()


@asynccontextmanager
async def _running(bus: Bus, dsn: str) -> AsyncIterator[Host]:
    settings = LeadsSettings(database_url=SecretStr(dsn))
    host = await Host.create(build(settings), settings, bus)
    await host.start()
    try:
        yield host
    finally:
        await host.stop()


@pytest.fixture
async def run(bus: Bus, database_dsn: str) -> AsyncIterator[Run]:
    """`await run()` starts one more replica of leads."""
    async with AsyncExitStack() as stack:
        yield lambda: stack.enter_async_context(_running(bus, database_dsn))


async def _publish(bus: Bus, data: Any, event_id: str | None = None) -> None:
    envelope = Envelope(
        id=event_id or str(uuid.uuid4()),
        source="/leadwire/test",
        type=data.TYPE,
        data=plain(data),
        correlationid=getattr(data, "delivery_id", "conversation"),
    )
    await bus.publish(
        stream_of(type(data)), subject_of(data), envelope.encode(), envelope.headers(data.key())
    )


async def _told(bus: Bus, contract: Any) -> list[Envelope]:
    """Everything of one contract that stands in its stream."""
    state = (await bus.js.stream_info(stream_of(contract))).state
    found = []
    for seq in range(max(1, state.first_seq), state.last_seq + 1):
        message = await bus.js.get_msg(stream_of(contract), seq)
        found.append(decode(message.data or b""))
    return [envelope for envelope in found if envelope.type == contract.TYPE]


async def test_an_interaction_becomes_a_lead_on_the_bus(bus: Bus, run: Run, stage: Stage) -> None:
    await run()
    await _publish(bus, interaction(1, PHONE, MAIL))
    (captured,) = await until(lambda: _told(bus, LeadCaptured))
    assert captured.correlationid == "delivery-1"
    assert captured.source == "/leadwire/leads"


async def test_the_same_message_twice_changes_the_state_once(bus: Bus, run: Run, stage: Stage) -> None:
    await run()
    for _ in range(3):
        await _publish(bus, interaction(1, PHONE), "the-same-event")
        await _publish(bus, interaction(1, PHONE))
    await _publish(bus, interaction(2, ("telegram", "1")))
    await until(lambda: stage.value("SELECT count(*) = 2 FROM interactions"))
    await until(lambda: stage.value("SELECT NOT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"))
    assert len(await _told(bus, LeadCaptured)) == len(await _told(bus, ContactTouched)) == 2


async def test_what_was_committed_before_a_crash_is_published_afterwards(
    bus: Bus, run: Run, stage: Stage
) -> None:
    await stage.log_facts([received(interaction(1, PHONE))])
    assert await _told(bus, LeadCaptured) == []
    await run()
    assert len(await until(lambda: _told(bus, LeadCaptured))) == 1


async def test_two_replicas_make_one_contact_of_a_hundred_equal_enquiries(
    bus: Bus, run: Run, stage: Stage
) -> None:
    await run()
    await run()
    wanted = [interaction(number, PHONE, MAIL, conversation=f"c{number}") for number in range(100)]
    await asyncio.gather(*(_publish(bus, one) for one in wanted))
    await until(lambda: stage.value("SELECT count(*) = 100 FROM interactions"), within=20)
    assert await stage.value("SELECT count(*) FROM contacts") == 1
    assert await stage.value("SELECT count(*) FROM leads") == 1
    await until(lambda: stage.value("SELECT NOT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"))
    assert len(await _told(bus, ContactTouched)) == 100


async def test_what_was_sent_comes_to_the_timeline(bus: Bus, run: Run, stage: Stage) -> None:
    await run()
    contact, message = uuid.uuid4(), uuid.uuid4()
    sent = MessageSent(contact_id=contact, message_id=message, step="hi", medium="email", sent_at=BEGIN)
    await _publish(bus, sent)
    await until(lambda: stage.value("SELECT outcome = 'sent' FROM touches WHERE message_id = $1", message))


async def test_a_trace_by_phone_finds_every_enquiry_of_the_person(bus: Bus, run: Run, stage: Stage) -> None:
    await run()
    await _publish(bus, interaction(1, PHONE))
    await _publish(bus, interaction(2, PHONE, external_id="vendor-7"))
    await until(lambda: stage.value("SELECT count(*) = 2 FROM journal"))
    for name in ("8 926 123-45-67", "vendor-7", "delivery-2"):
        answer = await bus.request("ask.leads.trace.v1", {"resolve": [name]})
        assert answer["correlations"] == ["delivery-1"]


async def test_an_enquiry_that_cannot_be_read_holds_up_nobody_else(bus: Bus, run: Run, stage: Stage) -> None:
    await run()
    broken = Envelope(id="broken", source="/x", type=InteractionReceived.TYPE, data={"interaction_id": "?"})
    subject = f"{InteractionReceived.TYPE}.00"
    await bus.publish("CRM_CONNECTORS", subject, broken.encode(), broken.headers("somebody"))
    await _publish(bus, interaction(1, PHONE))
    await until(lambda: stage.value("SELECT count(*) = 1 FROM interactions"))
    assert await stage.value("SELECT count(*) FROM parked") == 1
