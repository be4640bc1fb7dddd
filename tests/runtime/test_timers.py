"""Timers fire once, late ones say so, failing ones stay."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.runtime import timers
from services.runtime.cause import Cause
from services.runtime.clock import SystemClock
from services.runtime.database import Database
from services.runtime.errors import Ignored, Retryable
from services.runtime.timer_loop import FIRED, TimerLoop
from services.runtime.timers import Timer
from services.runtime.work import Work
from tests.runtime.conftest import running
from tests.support.databases import FLOOR
from tests.support.wait import until

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass
class Hands:
    """A clock that stands until it is turned."""

    time: datetime = NOON

    def now(self) -> datetime:
        return self.time


class Soon(Retryable):
    """Not now."""

    def __init__(self) -> None:
        super().__init__("not now", after=timedelta(seconds=0.1))


@dataclass
class Bell:
    """What the timers of a test set off."""

    rung: list[Timer] = field(default_factory=list)
    broken: bool = False
    trouble: type[Exception] = ZeroDivisionError

    async def ring(self, timer: Timer, work: Work) -> None:
        self.rung.append(timer)
        await work.connection.execute("INSERT INTO heard (bell, number) VALUES ($1, 1)", timer.key)
        if self.broken:
            raise self.trouble


def loop(database: Database, bell: Bell, clock: Hands | SystemClock) -> TimerLoop:
    return TimerLoop(database, FLOOR, {"ring": bell.ring}, clock, asyncio.Event(), lambda: None)


async def arm(database: Database, key: str, due: datetime, generation: int = 0) -> None:
    async with database.pool.acquire() as connection, connection.transaction():
        work = Work(connection, group=FLOOR, now=NOON, cause=Cause("c", "enquiry"))
        work.arm("ring", key, due, late_after=timedelta(hours=1), generation=generation, payload={"n": 1})
        await work.flush()


async def armed(database: Database) -> int:
    return int(await database.pool.fetchval("SELECT count(*) FROM timers"))


async def test_a_timer_fires_when_due_and_not_before(database: Database) -> None:
    bell, clock = Bell(), Hands()
    await arm(database, "a", NOON + timedelta(minutes=5))
    assert await loop(database, bell, clock).fire_due() == 0
    clock.time += timedelta(minutes=5)
    assert await loop(database, bell, clock).fire_due() == 1
    assert await armed(database) == 0
    assert (bell.rung[0].payload, bell.rung[0].missed) == ({"n": 1}, False)


async def test_arming_again_replaces(database: Database) -> None:
    bell = Bell()
    await arm(database, "a", NOON, generation=1)
    await arm(database, "a", NOON, generation=2)
    assert await loop(database, bell, Hands()).fire_due() == 1
    assert bell.rung[0].generation == 2


async def test_a_timer_far_too_late_says_so(database: Database) -> None:
    bell = Bell()
    await arm(database, "a", NOON - timedelta(hours=2))
    await loop(database, bell, Hands()).fire_due()
    assert bell.rung[0].missed


async def test_a_failing_timer_changes_nothing_and_stays(database: Database) -> None:
    bell = Bell(broken=True)
    await arm(database, "a", NOON)
    await arm(database, "b", NOON)
    clock = Hands()
    await loop(database, bell, clock).fire_due()
    assert await armed(database) == 2
    assert await database.pool.fetchval("SELECT count(*) FROM heard") == 0
    bell.broken, clock.time = False, NOON + timedelta(minutes=1)
    assert await loop(database, bell, clock).fire_due() == 2


async def test_a_timer_whose_handler_asks_for_time_fires_a_little_later(database: Database) -> None:
    bell, clock = Bell(broken=True, trouble=Soon), Hands()
    await arm(database, "a", NOON)
    assert await loop(database, bell, clock).fire_due() == 1
    assert await database.pool.fetchval("SELECT due_at FROM timers") == NOON + timedelta(seconds=0.1)
    assert await database.pool.fetchval("SELECT count(*) FROM heard") == 0
    bell.broken = False
    clock.time += timedelta(seconds=0.1)
    assert await loop(database, bell, clock).fire_due() == 1
    assert await armed(database) == 0


async def test_a_timer_that_is_ignored_changes_nothing_and_is_done_with(database: Database) -> None:
    bell = Bell(broken=True, trouble=Ignored)
    await arm(database, "a", NOON)
    done = FIRED.labels(FLOOR, "ring", "ignored")
    before = done._value.get()
    assert await loop(database, bell, Hands()).fire_due() == 1
    assert await armed(database) == 0
    assert await database.pool.fetchval("SELECT count(*) FROM heard") == 0
    assert done._value.get() == before + 1


async def test_two_loops_fire_each_timer_once(database: Database) -> None:
    bell = Bell()
    for number in range(150):
        await arm(database, f"t{number}", NOON)
    loops = [loop(database, bell, Hands()) for _ in range(3)]
    async with running(*(one.run for one in loops)):
        await until(lambda: _none_armed(database))
    assert sorted(timer.key for timer in bell.rung) == sorted(f"t{number}" for number in range(150))


async def test_an_armed_timer_is_not_waited_for_by_polling_alone(database: Database) -> None:
    bell, real = Bell(), SystemClock()
    waiting = loop(database, bell, real)
    async with running(waiting.run):
        await arm(database, "soon", real.now() + timedelta(milliseconds=300))
        waiting.wake.set()
        await until(lambda: bell.rung, within=2)
    assert (real.now() - bell.rung[0].due_at).total_seconds() < 1.5


async def test_waiting_timers_are_found_by_enquiry(database: Database) -> None:
    await arm(database, "a", NOON)
    async with database.pool.acquire() as connection:
        assert [row["key"] for row in await timers.waiting(connection, ["enquiry"])] == ["a"]


async def _none_armed(database: Database) -> bool:
    return await armed(database) == 0
