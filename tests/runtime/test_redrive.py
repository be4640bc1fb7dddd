"""How parked facts come back: by timer, by a person's word, always in order."""

from tests.runtime.conftest import Tower, rang, running
from tests.support.wait import until


async def _read(tower: Tower, upto: int) -> None:
    async with running(tower.reader().run):
        await until(lambda: _stands_at(tower, upto))


async def _stands_at(tower: Tower, seq: int) -> bool:
    return await tower.position() == seq


async def _ids(tower: Tower) -> list[int]:
    return [row["id"] for row in await tower.database.pool.fetch("SELECT id FROM parked ORDER BY id")]


async def test_a_retryable_fact_is_tried_again_until_it_works_and_brings_the_rest(tower: Tower) -> None:
    await tower.ring(rang("a", 1, "retry"), rang("a", 2), rang("a", 3))
    await _read(tower, 3)
    async with running(tower.redrive().run):
        await until(lambda: _tried(tower, 3))
        assert await tower.heard() == []
        tower.cured.add(1)
        await until(lambda: _nothing_parked(tower))
    assert await tower.heard() == [1, 2, 3]


async def test_a_permanent_failure_waits_for_a_person(tower: Tower) -> None:
    await tower.ring(rang("a", 1, "never"), rang("a", 2))
    await _read(tower, 2)
    tower.cured.add(1)
    await tower.redrive()._round()
    assert await tower.heard() == []
    assert await tower.redrive().redrive((await _ids(tower))[0])
    assert await tower.heard() == [1, 2]


async def test_what_fails_again_stays_with_its_new_reason(tower: Tower) -> None:
    await tower.ring(rang("a", 1, "never"))
    await _read(tower, 1)
    await tower.redrive().redrive((await _ids(tower))[0])
    row = await tower.database.pool.fetchrow("SELECT recovery, attempts FROM parked")
    assert row is not None
    assert (row["recovery"], row["attempts"]) == ("person", 2)


async def test_a_redrive_from_the_middle_begins_at_the_head(tower: Tower) -> None:
    await tower.ring(rang("a", 1, "never"), rang("a", 2), rang("a", 3))
    await _read(tower, 3)
    tower.cured.add(1)
    await tower.redrive().redrive((await _ids(tower))[2])
    assert await tower.heard() == [1, 2, 3]


async def test_a_discarded_fact_is_never_applied_and_frees_those_behind(tower: Tower) -> None:
    poison = rang("a", 1, "never")
    await tower.ring(poison, rang("a", 2))
    await _read(tower, 2)
    tower.cured.add(1)
    redrive = tower.redrive()
    assert await redrive.discard((await _ids(tower))[0], "it was a rehearsal")
    (did,) = await tower.database.pool.fetch("SELECT did FROM journal WHERE did LIKE 'gave up%'")
    assert did["did"] == "gave up crm.bells.rang.v1 on request: it was a rehearsal"
    async with running(redrive.run):
        await until(lambda: _nothing_parked(tower))
    await tower.bus.js.publish(poison.subject, poison.body, headers=poison.headers | {"Nats-Msg-Id": "x"})
    await _read(tower, 3)
    assert await tower.heard() == [2]


async def test_an_unknown_number_is_told_from_a_success(tower: Tower) -> None:
    assert not await tower.redrive().redrive(77)
    assert not await tower.redrive().discard(77)


async def _tried(tower: Tower, times: int) -> bool:
    return (await tower.database.pool.fetchval("SELECT max(attempts) FROM parked") or 0) >= times


async def _nothing_parked(tower: Tower) -> bool:
    return not await tower.parked()
