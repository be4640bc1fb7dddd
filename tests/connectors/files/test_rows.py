"""Wanted files in the database: entered once, held by one, settled by whoever holds them."""

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from services.connectors.definitions.channel import Rules
from services.connectors.domain import Delivery
from services.connectors.domain.file import Patience
from services.connectors.errors import NotFetched, NotStored
from services.connectors.files.fetching import Fetching
from services.connectors.settings import ConnectorsSettings
from services.connectors.store import files
from services.connectors.store.files import Kept, Row
from services.connectors.usecases.settle_files import (
    cause_of,
    fetch_again,
    forget,
    forget_old,
    settle_failed,
    settle_kept,
)
from tests.connectors.fixtures import AT
from tests.connectors.stage import Stage

PATIENCE = Patience(timedelta(seconds=30), timedelta(hours=6), timedelta(days=3))
KEPT = Kept("a.pdf", "0" * 64, 10, "application/pdf")


def photo(number: int = 1, minute: float = 0, size: int = 10) -> Delivery:
    """A message in Telegram with two files."""
    written = {"message_id": 7, "date": 1768471200, "from": {"id": 7}, "chat": {"id": 7, "type": "private"}}
    written |= {"voice": {"file_id": "V"}, "photo": [{"file_id": "P", "file_size": size}]}
    body = json.dumps({"update_id": number, "message": written})
    return Delivery("bot", "telegram", body.encode(), AT + timedelta(minutes=minute))


async def claimed(stage: Stage, minute: float = 1, limit: int = 9, busy: tuple[str, ...] = ()) -> list[Row]:
    now = AT + timedelta(minutes=minute)
    until = now + timedelta(minutes=5)
    async with stage.database.pool.acquire() as connection:
        return await files.claim(connection, now, until, uuid4(), limit=limit, busy=busy)


async def rows(stage: Stage) -> list[Row]:
    async with stage.database.pool.acquire() as connection:
        found = [await files.in_state(connection, state, AT + timedelta(days=9), 9) for state in STATES]
    return [row for some in found for row in some]


STATES = ("wanted", "kept", "given_up", "erased")


async def test_repeats_and_replays_want_nothing_twice(stage: Stage) -> None:
    await stage.take(photo(), photo(2))
    await stage.take(photo())
    await stage.again(photo())
    found = await rows(stage)
    assert sorted((row.reference, row.state, row.stream, row.seq) for row in found) == [
        ("P", "wanted", "INTAKE", 1),
        ("V", "wanted", "INTAKE", 1),
    ]
    assert len(await stage.published()) == 1


async def test_a_lease_is_one_processes_and_ends(stage: Stage) -> None:
    await stage.take(photo())
    assert await claimed(stage, busy=("bot",)) == []
    [first] = await claimed(stage, limit=1)
    [second] = await claimed(stage)
    assert {first.reference, second.reference} == {"P", "V"}
    assert await claimed(stage) == []
    # Killed before it could say anything: after the lease another one has the file.
    taken = await claimed(stage, minute=7)
    assert {(row.reference, row.attempts) for row in taken} == {("P", 2), ("V", 2)}
    async with stage.work(cause_of(first)) as work:
        assert not await settle_kept(first, KEPT, work)
    ours = next(row for row in taken if row.file_id == first.file_id)
    async with stage.work(cause_of(ours)) as work:
        assert await settle_kept(ours, KEPT, work)
    async with stage.work(cause_of(ours)) as work:
        assert not await settle_kept(ours, KEPT, work)
    assert [fact.type for fact in await stage.published()][1:] == ["crm.files.kept.v1"]


async def test_what_was_broken_off_by_us_is_due_at_once_and_not_counted(stage: Stage) -> None:
    await stage.take(photo())
    taken = await claimed(stage)
    async with stage.database.pool.acquire() as connection:
        await files.hand_back(connection, [row.file_id for row in taken], AT + timedelta(minutes=1))
    assert [row.attempts for row in await claimed(stage)] == [1, 1]


async def test_each_alarm_of_a_file_is_told(stage: Stage) -> None:
    await stage.take(photo())
    for minute in (1, 10):
        for row in await claimed(stage, minute):
            async with stage.work(cause_of(row)) as work:
                await settle_failed(row, NotFetched("too big", why="too_large"), PATIENCE, 0.5, work)
        for row in await rows(stage):
            async with stage.work() as work:
                assert await fetch_again(row, work)
                assert not await fetch_again(row, work)
    alarms = [fact for fact in await stage.published() if fact.type == "crm.files.given_up.v1"]
    assert len({fact.id for fact in alarms}) == 4
    assert {fact.data["attempts"] for fact in alarms} == {1}


async def test_what_failed_comes_again_later(stage: Stage) -> None:
    await stage.take(photo())
    for row in await claimed(stage):
        async with stage.work(cause_of(row)) as work:
            await settle_failed(row, NotFetched("503", after=600), PATIENCE, 0.5, work)
    assert [row.due_at - AT for row in await rows(stage)] == [timedelta(minutes=10)] * 2
    assert len(await stage.published()) == 1


async def test_what_is_erased_while_it_comes_stays_erased(stage: Stage) -> None:
    await stage.take(photo())
    [one, other] = await claimed(stage)
    async with stage.work() as work:
        assert await forget([one.file_id], work, "asked") == 1
    async with stage.work(cause_of(one)) as work:
        assert not await settle_kept(one, KEPT, work)
    async with stage.work(cause_of(other)) as work:
        await settle_kept(other, KEPT, work)
    async with stage.work() as work:
        assert await forget_old(AT, work) == 0
        assert await forget_old(AT + timedelta(seconds=1), work) == 1
    async with stage.database.pool.acquire() as connection:
        assert set(await files.leftovers(connection)) == {one.file_id, other.file_id}
        for row in (one, other):
            await files.swept(connection, row.file_id)
        assert await files.leftovers(connection) == []
    found = await rows(stage)
    assert {(row.state, row.name, row.reference) for row in found} == {("erased", "", None)}
    await stage.take(replace(photo(3), body=photo(3).body + b" "))
    assert {row.state for row in await rows(stage)} == {"erased"}


async def test_a_size_that_no_file_has_keeps_nothing_from_being_taken_in(stage: Stage) -> None:
    await stage.take(photo(size=10**19 - 1))
    assert sorted(row.claimed_size for row in await rows(stage)) == [0, 2**63 - 1]


class Away:
    """A place that cannot be reached."""

    def __init__(self) -> None:
        self.asked = 0

    async def erase(self, _: UUID) -> None:
        self.asked += 1
        raise NotStored("away")


async def test_a_place_that_is_away_is_asked_once_a_look(stage: Stage) -> None:
    await stage.take(photo())
    found = [row.file_id for row in await claimed(stage)]
    async with stage.work() as work:
        assert await forget(found, work, "asked") == 2
    fetching = Fetching(ConnectorsSettings(keep_files_days=0), lambda: Rules.of([]))
    host: Any = SimpleNamespace(database=stage.database)
    away: Any = Away()
    await fetching._clean(host, away)
    assert away.asked == 1
    async with stage.database.pool.acquire() as connection:
        assert len(await files.leftovers(connection)) == 2
