"""What is written in a transaction gets onto the bus, in order, whatever happens in between."""

import asyncio
from datetime import UTC, datetime

import pytest

from services.runtime import outbox
from services.runtime.cause import Cause
from services.runtime.relay import Relay
from services.runtime.work import Work
from tests.runtime.conftest import Rang, Tower, running
from tests.support.databases import FLOOR
from tests.support.wait import until

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Crash(Exception):
    """The process ends here."""


class CrashingRelay(Relay):
    """Dies after the PubAck, before the row is marked."""

    async def _publish(self, stream, rows):  # type: ignore[no-untyped-def]
        await super()._publish(stream, rows)
        raise Crash


async def emit(tower: Tower, *numbers: int, cause: str = "c-1") -> None:
    async with tower.database.pool.acquire() as connection, connection.transaction():
        work = Work(connection, group=FLOOR, now=NOW, cause=Cause(cause, "enquiry"))
        for number in numbers:
            work.emit(Rang(bell="a", number=number))
        await work.flush()


async def emit_and_crash(tower: Tower) -> None:
    async with tower.database.pool.acquire() as connection, connection.transaction():
        work = Work(connection, group=FLOOR, now=NOW, cause=Cause("c", "c"))
        work.emit(Rang(bell="a", number=1))
        await work.flush()
        raise Crash


def relay(tower: Tower, kind: type[Relay] = Relay) -> Relay:
    return kind(tower.database, tower.bus, FLOOR, asyncio.Event())


async def published(tower: Tower) -> list[int]:
    import json

    last = (await tower.bus.js.stream_info("CRM_TOWER")).state.last_seq
    messages = [await tower.bus.js.get_msg("CRM_TOWER", seq) for seq in range(1, last + 1)]
    return [json.loads(message.data or b"")["data"]["number"] for message in messages]


async def _nothing_waits(tower: Tower) -> bool:
    return not await tower.database.pool.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")


@pytest.mark.parametrize("count", [1, 5, 300])
async def test_everything_is_published_in_order(tower: Tower, count: int) -> None:
    await emit(tower, *range(count))
    async with running(relay(tower).run):
        await until(lambda: _nothing_waits(tower))
    assert await published(tower) == list(range(count))


@pytest.mark.parametrize("count", [2, 20])
async def test_a_crash_between_commit_and_mark_still_delivers_once(tower: Tower, count: int) -> None:
    await emit(tower, *range(count))
    async with tower.database.pool.acquire() as connection:
        with pytest.raises(Crash):
            await relay(tower, CrashingRelay).publish_waiting(connection)
    assert not await _nothing_waits(tower)
    async with running(relay(tower).run):
        await until(lambda: _nothing_waits(tower))
    assert await published(tower) == list(range(count))


async def test_a_rolled_back_transaction_publishes_nothing(tower: Tower) -> None:
    with pytest.raises(Crash):
        await emit_and_crash(tower)
    async with tower.database.pool.acquire() as connection:
        assert await relay(tower).publish_waiting(connection) == 0


async def test_a_commit_wakes_the_relay_well_before_its_poll(tower: Tower) -> None:
    running_relay = relay(tower)
    async with running(running_relay.run):
        await until(lambda: running_relay.problem is None)
        await emit(tower, 1)
        running_relay.wake.set()
        await until(lambda: _nothing_waits(tower), within=0.5)


async def test_only_one_relay_of_two_holds_the_lock(tower: Tower) -> None:
    first, second = relay(tower), relay(tower)
    async with tower.database.session() as one, tower.database.session() as other:
        assert await first._mine(one)
        assert not await second._mine(other)
    async with tower.database.session() as other:
        assert await second._mine(other)


async def test_the_same_cause_makes_the_same_event_ids(tower: Tower) -> None:
    await emit(tower, 1, 2, cause="same")
    await emit(tower, 1, 2, cause="same")
    await emit(tower, 1, 2, cause="other")
    rows = await tower.database.pool.fetch("SELECT event_id FROM outbox ORDER BY id")
    ids = [row["event_id"] for row in rows]
    assert ids[:2] == ids[2:4]
    assert len(set(ids)) == 4


async def test_an_envelope_tells_cause_and_enquiry(tower: Tower) -> None:
    await emit(tower, 1)
    async with tower.database.pool.acquire() as connection:
        row = (await outbox.unpublished(connection, 1))[0]
    assert row.headers["ce-type"] == Rang.TYPE
    assert b'"correlationid":"enquiry"' in row.body
    assert b'"causationid":"c-1"' in row.body
    assert row.subject.startswith("crm.bells.rang.v1.")
