import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlparse
from uuid import uuid4

import nats.errors
import pytest

from services.runtime.bus import AnswerRefused, Bus, Unanswered
from services.runtime.provision import facts_stream, intake_stream, provision
from services.runtime.publishing import BatchRefused, BusUnavailable, PublishRefused
from tests.support.accounts import NatsAccount
from tests.support.faults import PrivateEngines
from tests.support.wait import until

SUBJECT = "crm.bells.rang.v1.00"


@dataclass
class Note:
    body: bytes
    id: str = field(default_factory=lambda: uuid4().hex)
    subject: str = SUBJECT

    @property
    def headers(self) -> dict[str, str]:
        return {"Nats-Msg-Id": self.id}


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    bus = await Bus.connect(nats_account.url, name="test")
    await provision(bus, [facts_stream("tower", ["bells"]), replace(intake_stream(), allow_atomic=False)])
    yield bus
    await bus.close()


async def stored(bus: Bus, stream: str = "CRM_TOWER") -> list[bytes]:
    last = (await bus.js.stream_info(stream)).state.last_seq
    return [(await bus.js.get_msg(stream, seq)).data or b"" for seq in range(1, last + 1)]


async def test_a_publish_is_acknowledged_and_a_repeat_is_known(bus: Bus) -> None:
    first = await bus.publish("CRM_TOWER", SUBJECT, b"a", {"Nats-Msg-Id": "1"})
    again = await bus.publish("CRM_TOWER", SUBJECT, b"a", {"Nats-Msg-Id": "1"})
    assert (first.seq, first.duplicate) == (1, None)
    assert (again.seq, again.duplicate) == (1, True)


async def test_a_publish_into_another_stream_is_refused(bus: Bus) -> None:
    with pytest.raises(PublishRefused) as refused:
        await bus.publish("INTAKE", SUBJECT, b"a")
    assert refused.value.code == 10060


async def test_a_publish_that_no_stream_takes_fails_by_its_deadline(bus: Bus) -> None:
    with pytest.raises(BusUnavailable):
        await bus.publish("CRM_TOWER", "crm.nowhere.v1", b"a", timeout=0.3)


async def test_a_full_stream_refuses_at_once(bus: Bus) -> None:
    await provision(bus, [intake_stream(max_bytes=2048)])
    for _ in range(3):
        await bus.publish("INTAKE", "intake.a", b"x" * 500)
    with pytest.raises(PublishRefused) as refused:
        await bus.publish("INTAKE", "intake.a", b"x" * 500)
    assert refused.value.code == 10077


async def test_a_batch_is_one_commit_in_order(bus: Bus) -> None:
    notes = [Note(b"%d" % number) for number in range(1000)]
    acknowledged = await bus.publish_batch("CRM_TOWER", notes)
    assert (acknowledged.seq, acknowledged.batch_size) == (1000, 1000)
    assert await stored(bus) == [note.body for note in notes]


async def test_a_batch_with_one_known_id_is_refused_whole(bus: Bus) -> None:
    known = Note(b"known")
    await bus.publish("CRM_TOWER", SUBJECT, known.body, known.headers)
    with pytest.raises(BatchRefused) as refused:
        await bus.publish_batch("CRM_TOWER", [Note(b"new"), Note(b"again", known.id), Note(b"new")])
    assert refused.value.code == 10201
    assert await stored(bus) == [b"known"]


async def test_a_batch_into_a_stream_without_batches_is_refused_whole(bus: Bus) -> None:
    with pytest.raises(BatchRefused) as refused:
        await bus.publish_batch("INTAKE", [Note(b"a", subject="intake.a"), Note(b"b", subject="intake.a")])
    assert refused.value.code == 10174
    assert await stored(bus, "INTAKE") == []


async def test_a_batch_that_nobody_takes_has_no_code(bus: Bus) -> None:
    with pytest.raises(BatchRefused) as refused:
        await bus.publish_batch("CRM_TOWER", [Note(b"a", subject="nowhere"), Note(b"b", subject="nowhere")])
    assert refused.value.code is None


async def test_a_batch_has_bounds(bus: Bus) -> None:
    for count in (0, 1001):
        with pytest.raises(ValueError, match="1 to 1000"):
            await bus.publish_batch("CRM_TOWER", [Note(b"a")] * count)


async def test_a_question_is_answered_refused_or_unanswered(bus: Bus) -> None:
    async def answer(message) -> None:  # type: ignore[no-untyped-def]
        await message.respond(b'{"error": "no"}' if message.data == b'{"sad": true}' else b'{"ok": 1}')

    await bus.nc.subscribe("ask.bell.state.v1", cb=answer)
    assert await bus.request("ask.bell.state.v1", {}) == {"ok": 1}
    with pytest.raises(AnswerRefused, match="no"):
        await bus.request("ask.bell.state.v1", {"sad": True})
    with pytest.raises(Unanswered):
        await bus.request("ask.nobody.state.v1", {}, timeout=1)


async def test_a_missing_bucket_names_the_remedy(bus: Bus) -> None:
    with pytest.raises(BusUnavailable, match="leadwire provision"):
        await bus.kv("tokens")
    with pytest.raises(BusUnavailable, match="leadwire provision"):
        await bus.objects("deliveries")


async def test_before_it_is_open_it_is_unavailable(nats_account: NatsAccount) -> None:
    bus = Bus(nats_account.url)
    with pytest.raises(BusUnavailable):
        await bus.publish("CRM_TOWER", SUBJECT, b"a", timeout=0.2)
    with pytest.raises(BatchRefused):
        await bus.publish_batch("CRM_TOWER", [Note(b"a")])
    with pytest.raises(Unanswered):
        await bus.request("ask.bell.state.v1", {}, timeout=0.2)
    assert not bus.connected


async def test_after_a_crash_of_the_server_every_listener_is_woken_and_publishing_goes_on(
    private_engines: Callable[[], Awaitable[PrivateEngines]],
) -> None:
    engines = await private_engines()
    bus = await Bus.connect(engines.account().url)
    await provision(bus, [facts_stream("tower", ["bells"])])
    woken = [asyncio.Event(), asyncio.Event()]
    for event in woken:
        bus.on_reconnect(event.set)
    await engines.kill_nats()
    await until(lambda: not bus.connected)
    waiting = asyncio.create_task(bus.publish("CRM_TOWER", SUBJECT, b"a", timeout=20))
    await engines.restart_nats()
    assert (await waiting).seq == 1
    await asyncio.wait_for(asyncio.gather(*(event.wait() for event in woken)), 10)
    assert not bus.lost.is_set()
    await bus.close()


async def test_a_question_asked_while_the_first_connection_breaks_does_not_make_it_deaf(
    nats_account: NatsAccount,
) -> None:
    # Such as the check of health that comes while a road in between accepts and then breaks.
    place = urlparse(nats_account.url)
    broken: list[bytes] = []

    async def break_off(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, onward = await asyncio.open_connection(place.hostname, place.port)
        broken.append(await upstream.readline())
        writer.write(broken[-1] + b"-ERR 'Authentication Timeout'\r\n")
        onward.close()
        writer.close()

    async with await asyncio.start_server(break_off, "127.0.0.1", 0) as server:
        bus = Bus(nats_account.url.replace(str(place.port), str(server.sockets[0].getsockname()[1])))
        opening = asyncio.create_task(bus.open())
        while len(broken) < 3:
            with pytest.raises(nats.errors.ConnectionReconnectingError):
                await bus.nc.request("nobody.home", b"", timeout=0.05)
            await asyncio.sleep(0)
        bus.nc._server_pool[0].uri = place
        await opening
    assert await bus.js.streams_info() == []
    await bus.close()
