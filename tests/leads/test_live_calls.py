"""Who is calling, over the bus and HTTP: repeats, a crash, replicas, and people who look on at any."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from contracts.calls import CallAnswered, CallEnded, CallIdentified
from contracts.contract import Fact
from contracts.envelope import decode
from services.hub.topology import specs
from services.leads.app import build
from services.leads.settings import LeadsSettings
from services.leads.usecases.identify_callers import identify_callers
from services.runtime.auth import create_token
from services.runtime.bus import Bus
from services.runtime.cause import Cause
from services.runtime.host import Host
from services.runtime.outbox import seal
from services.runtime.provision import provision
from services.runtime.received import RawMessage, Received
from services.runtime.streams import TOKENS_BUCKET
from services.runtime.web import build_app
from tests.leads.stage import BEGIN, Stage, interaction
from tests.leads.test_identify_callers import ringing
from tests.support.accounts import NatsAccount
from tests.support.wait import until

PHONE, MAIL = ("phone", "+79261234567"), ("email", "ivan@example.com")


class Looking:
    """Somebody's open request for the live calls of one replica."""

    def __init__(self) -> None:
        self.status = 0
        self._text = ""
        self._left = asyncio.Event()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What came so far."""
        blocks = [block for block in self._text.split("\n\n") if "event: " in block]
        lines = [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]
        return [{**row, "data": json.loads(row["data"])} for row in lines]

    @property
    def names(self) -> list[str]:
        """The same, by name alone."""
        return [event["event"] for event in self.events]

    async def look(self, host: Host, token: str, last: str | None) -> None:
        headers = [(b"authorization", f"Bearer {token}".encode())]
        headers += [(b"last-event-id", last.encode())] if last else []
        scope = {
            "type": "http", "method": "GET", "path": "/api/leads/calls/live", "raw_path": b"",
            "scheme": "http", "query_string": b"", "headers": headers, "client": ("192.0.2.1", 1),
            "server": ("hub", 80),
            "http_version": "1.1", "root_path": "", "asgi": {"version": "3.0"},
        }  # fmt: skip
        await build_app([host])(scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self._text += message.get("body", b"").decode()

    def leave(self) -> None:
        self._left.set()


class Office:
    """A bus, a database and any number of replicas of leads."""

    def __init__(self, bus: Bus, dsn: str, stack: AsyncExitStack) -> None:
        self.bus = bus
        self._dsn = dsn
        self._stack = stack

    async def replica(self, **settings: Any) -> Host:
        """One more."""
        known = LeadsSettings(database_url=SecretStr(self._dsn), **settings)
        host = await Host.create(build(known), known, self.bus)
        await host.start()
        self._stack.push_async_callback(host.stop)
        return host

    async def tell(self, *facts: Fact, event_id: str | None = None) -> None:
        """As connectors publishes."""
        for fact in facts:
            own = event_id or str(uuid.uuid4())
            sealed = seal(fact, event_id=own, source="connectors", now=BEGIN, cause=Cause(own, "delivery"))
            await self.bus.publish(sealed.stream, sealed.subject, sealed.body, sealed.headers)

    async def identified(self) -> list[CallIdentified]:
        """Every such fact on the bus."""
        state = (await self.bus.js.stream_info("CRM_LEADS")).state
        found = [await self.bus.js.get_msg("CRM_LEADS", seq + 1) for seq in range(state.last_seq)]
        told = [decode(message.data or b"") for message in found]
        return [CallIdentified.model_validate(one.data) for one in told if one.type == CallIdentified.TYPE]

    @asynccontextmanager
    async def looking(
        self, host: Host, *, last: str | None = None, role: str = "sales"
    ) -> AsyncIterator[Looking]:
        """Somebody looks on at this replica."""
        bucket = await self.bus.kv(TOKENS_BUCKET)
        token = await create_token(bucket, "somebody", (role,), now=datetime.now(UTC))
        looking = Looking()
        task = asyncio.create_task(looking.look(host, token, last))
        try:
            await until(lambda: looking.status or task.done())
            yield looking
        finally:
            looking.leave()
            await asyncio.wait_for(task, 5)


@pytest.fixture
async def office(nats_account: NatsAccount, database_dsn: str) -> AsyncIterator[Office]:
    bus = await Bus.connect(nats_account.url)
    await provision(bus, specs())
    async with AsyncExitStack() as stack:
        yield Office(bus, database_dsn, stack)
    await bus.close()


def of(call: Any, contract: Any, **more: Any) -> Any:
    """What becomes of a ringing call."""
    about = call.model_dump(exclude={"occurred_at", "agent"})
    return contract(**about, agent="102", occurred_at=call.occurred_at, **more)


async def test_everybody_hears_every_call_whichever_replica_they_look_at(
    office: Office, stage: Stage
) -> None:
    await stage.log(interaction(1, PHONE, name="Ivan", title="English for two"))
    replicas = [await office.replica(), await office.replica()]
    call, strange = ringing(1, PHONE), ringing(2, ("phone", "+442079460000"))
    async with office.looking(replicas[0]) as one, office.looking(replicas[1]) as other:
        await office.tell(call)
        await until(lambda: one.names == other.names == ["identified"])
        assert one.events == other.events
        assert one.events[0]["data"]["name"] == "Ivan"
        await office.tell(strange, of(call, CallAnswered))
        await until(lambda: len(one.events) == len(other.events) == 3)
        [told] = [each["data"] for each in other.events if each["event"] == "answered"]
        assert (told["call_id"], told["agent"]) == (str(call.call_id), "102")
        assert [each["data"]["known"] for each in other.events if "known" in each["data"]] == [True, False]
        seen = one.events[0]["id"]
    async with office.looking(replicas[1]) as late, office.looking(replicas[1], last=seen) as again:
        await until(lambda: late.names == ["identified"])
        assert late.events[0]["data"]["call_id"] == str(strange.call_id), "the other does not ring any more"
        await until(lambda: len(again.names) == 2)
        assert sorted(again.names) == ["answered", "identified"]
        await office.tell(of(strange, CallEnded, outcome="missed"))
        await until(lambda: late.names[-1] == again.names[-1] == "ended")
        assert late.events[-1]["data"]["outcome"] == "missed"


async def test_a_replica_that_starts_later_knows_what_rings(office: Office, stage: Stage) -> None:
    first = await office.replica()
    calls = [ringing(number, PHONE) for number in (1, 2)]
    await office.tell(*calls, of(calls[0], CallEnded, outcome="missed"))
    async with office.looking(first) as one:
        await until(lambda: one.names.count("identified") >= 1)
    await until(lambda: stage.value("SELECT NOT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"))
    async with office.looking(await office.replica()) as looking:
        await until(lambda: looking.events)
        assert [event["data"]["call_id"] for event in looking.events] == [str(calls[1].call_id)]


async def test_a_call_is_identified_once_however_often_it_is_told(office: Office, stage: Stage) -> None:
    call, last = ringing(1, PHONE), ringing(2, PHONE)
    await office.replica()
    await office.replica()
    for _ in range(3):
        await office.tell(call, event_id="the same event")
    # The bus knows an id again for two minutes; what comes later must be known by leads.
    sealed = seal(call, event_id="the same event", source="x", now=BEGIN, cause=Cause("x", "x"))
    await office.bus.js.publish(sealed.subject, sealed.body)
    await office.tell(last)

    async def told() -> list[uuid.UUID]:
        return [fact.call_id for fact in await office.identified()]

    await until(lambda: _has(told, last.call_id))
    assert await told() == [call.call_id, last.call_id]


async def _has(told: Callable[[], Awaitable[list[uuid.UUID]]], call: uuid.UUID) -> bool:
    return call in await told()


async def test_what_was_committed_before_a_crash_is_told_afterwards(office: Office, stage: Stage) -> None:
    call = ringing(1, PHONE)
    message = RawMessage("CRM_CONNECTORS", "crm", 1, {}, b"", BEGIN)
    cause = Cause("before the crash", "delivery")
    fact = Received("before the crash", call.TYPE, call.key(), call, cause, message)
    async with stage.work(cause) as work:
        await identify_callers([fact], work, stage.rules)
    assert await office.identified() == []
    async with office.looking(await office.replica()) as looking:
        await until(lambda: looking.names == ["identified"])


async def test_only_sales_look_on_and_only_as_many_as_may(office: Office) -> None:
    host = await office.replica(live_listeners=1)
    async with office.looking(host, role="marketing") as looking:
        assert looking.status == 403
    async with office.looking(host) as first, office.looking(host) as second:
        assert (first.status, second.status) == (200, 503)
