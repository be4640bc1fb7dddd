"""What a reader does with one stream, and when it refuses to go on."""

from typing import Any
from unittest import mock

from services.runtime.feed import stream_state
from services.runtime.outbox import Outgoing
from services.runtime.positions import skip
from tests.runtime.conftest import Tower, make_tower, rang, running
from tests.support.databases import FLOOR
from tests.support.wait import until


def undecodable(bell: str) -> Outgoing:
    fact = rang(bell, 0)
    return Outgoing(fact.event_id, fact.stream, fact.subject, fact.key, fact.headers, b"{nonsense")


async def test_facts_are_applied_in_order_and_the_position_moves(tower: Tower) -> None:
    await tower.ring(*(rang("a", number) for number in range(1, 51)))
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 50))
    assert await tower.heard() == list(range(1, 51))


async def test_the_same_message_twice_changes_state_once(tower: Tower) -> None:
    fact = rang("a", 1)
    await tower.ring(fact)
    await tower.bus.js.publish(fact.subject, fact.body, headers=fact.headers | {"Nats-Msg-Id": "again"})
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 2))
    assert await tower.heard() == [1]


async def test_a_reader_that_starts_again_goes_on_where_it_stood(tower: Tower) -> None:
    await tower.ring(rang("a", 1))
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 1))
    await tower.ring(rang("a", 2))
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 2))
    assert await tower.heard() == [1, 2]


async def test_a_failing_fact_holds_its_own_key_and_no_other(tower: Tower) -> None:
    await tower.ring(rang("a", 1), rang("a", 2, "never"), rang("b", 3), rang("a", 4), rang("b", 5))
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 5))
    assert await tower.heard() == [1, 3, 5]
    assert await tower.parked() == [(2, "person"), (4, "behind")]


async def test_an_undecodable_fact_holds_its_own_key_by_its_header(tower: Tower) -> None:
    await tower.ring(undecodable("a"), rang("a", 2), rang("b", 3))
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 3))
    assert await tower.heard() == [3]
    assert await tower.parked() == [(-1, "person"), (2, "behind")]


async def test_an_undecodable_fact_is_not_parked_ahead_of_one_that_fails_before_it(tower: Tower) -> None:
    await tower.ring(rang("b", 0))
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 1))
        for fact in (rang("a", 1, "never"), undecodable("a"), rang("a", 3)):
            await tower.bus.nc.publish(fact.subject, fact.body, headers=fact.headers)
        await until(lambda: _stands_at(tower, 4))
    assert await tower.parked() == [(1, "person"), (-1, "behind"), (3, "behind")]


async def test_what_is_ignored_on_purpose_leaves_no_trace(tower: Tower) -> None:
    await tower.ring(rang("a", 1, "ignore"), rang("a", 2))
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 2))
    assert await tower.heard() == [2]
    assert await tower.parked() == []


async def test_the_reason_of_an_unexpected_failure_is_kept(tower: Tower) -> None:
    await tower.ring(rang("a", 1, "bug"))
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 1))
    reason = await tower.database.pool.fetchval("SELECT reason FROM parked")
    assert "ZeroDivisionError: oops" in reason
    assert "on_rang" in reason


async def test_a_fact_that_ended_the_process_three_times_is_parked(tower: Tower) -> None:
    await tower.ring(rang("a", 1), rang("a", 2))
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 2))
    await tower.ring(rang("a", 3), rang("b", 4))
    await tower.database.pool.execute("INSERT INTO attempts VALUES ('CRM_TOWER', $1, 3, 3)", FLOOR)
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 4))
    assert await tower.heard() == [1, 2, 4]
    assert "ended the process 3 times" in await tower.database.pool.fetchval("SELECT reason FROM parked")


async def test_a_database_that_goes_away_again_and_again_is_not_held_against_the_fact(
    tower: Tower,
) -> None:
    await tower.ring(rang("a", 1), rang("a", 2))
    reader = tower.reader()
    apply, failures = reader._batches.apply, iter(range(6))

    async def failing(*what: Any) -> None:
        if next(failures, None) is not None:
            raise ConnectionResetError
        await apply(*what)

    with mock.patch.object(reader._batches, "apply", failing):
        async with running(reader.run):
            await until(lambda: _stands_at(tower, 2), within=20)
    assert await tower.heard() == [1, 2]
    assert await tower.parked() == []
    assert await tower.database.pool.fetchval("SELECT count(*) FROM attempts") == 0


async def test_a_stream_made_anew_stops_the_reader_until_it_is_told_to_skip(tower: Tower) -> None:
    await tower.ring(rang("a", 1))
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 1))
    await tower.bus.js.delete_stream("CRM_TOWER")
    await make_tower(tower.bus)
    await tower.ring(rang("a", 2), rang("a", 3))
    reader = tower.reader()
    async with running(reader.run):
        await until(lambda: "made anew" in (reader.problem or ""))
    assert await tower.heard() == [1]
    created = (await stream_state(tower.bus, "CRM_TOWER")).created
    async with tower.database.pool.acquire() as connection:
        await skip(connection, "CRM_TOWER", FLOOR, to=0, stream_created=created)
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 2))
    assert await tower.heard() == [1, 2, 3]


async def test_facts_that_expired_unread_stop_the_reader(tower: Tower) -> None:
    await tower.ring(*(rang("a", number) for number in range(1, 4)))
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 3))
    await tower.ring(*(rang("a", number) for number in range(4, 8)))
    await tower.bus.js.purge_stream("CRM_TOWER", seq=6)
    reader = tower.reader()
    async with running(reader.run):
        await until(lambda: "no longer holds 4 to 5" in (reader.problem or ""))
    assert await tower.heard() == [1, 2, 3]


async def test_facts_erased_on_purpose_are_passed_over(tower: Tower) -> None:
    await tower.ring(*(rang("a", number) for number in range(1, 6)))
    for seq in (1, 3):
        await tower.bus.js.delete_msg("CRM_TOWER", seq)
        await tower.database.pool.execute(
            "INSERT INTO erasures (stream, seq, reason) VALUES ('CRM_TOWER', $1, 'asked for')", seq
        )
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, 5))
    assert await tower.heard() == [2, 4, 5]


async def test_a_hole_that_nobody_recorded_stops_the_reader(tower: Tower) -> None:
    await tower.ring(*(rang("a", number) for number in range(1, 6)))
    await tower.bus.js.delete_msg("CRM_TOWER", 3)
    reader = tower.reader()
    async with running(reader.run):
        await until(lambda: "no longer holds 3 to 3" in (reader.problem or ""))


async def test_a_second_reader_waits_for_the_lease_and_takes_over(tower: Tower) -> None:
    first, second = tower.reader(), tower.reader()
    async with running(second.run):
        async with running(first.run):
            await tower.ring(rang("a", 1))
            await until(lambda: _stands_at(tower, 1))
        await tower.ring(rang("a", 2))
        await until(lambda: _stands_at(tower, 2))
    assert await tower.heard() == [1, 2]


async def test_a_deleted_consumer_is_noticed(tower: Tower) -> None:
    async with running(tower.reader().run):
        await tower.ring(rang("a", 1))
        await until(lambda: _stands_at(tower, 1))
        for consumer in await tower.bus.js.consumers_info("CRM_TOWER"):
            await tower.bus.js.delete_consumer("CRM_TOWER", consumer.name)
        await tower.ring(rang("a", 2))
        await until(lambda: _stands_at(tower, 2))


async def _stands_at(tower: Tower, seq: int) -> bool:
    return await tower.position() == seq
