"""What is old enough is forgotten, what may still be needed is not."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from services.runtime.database import Database
from services.runtime.retention import Retention


@dataclass
class Later:
    """The machine's clock, some days ahead."""

    days: float

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)


async def _fill(database: Database) -> None:
    await database.pool.execute(
        "INSERT INTO outbox (event_id, stream, subject, key, headers, body, published_at)"
        " VALUES ('sent', 's', 's', 'k', '{}', '', now()), ('waiting', 's', 's', 'k', '{}', '', NULL)"
    )
    await database.pool.execute("INSERT INTO inbox (grp, event_id) VALUES ('g', 'e')")
    await database.pool.execute("INSERT INTO journal (at, correlation, event_id, did, names)"
                                " VALUES (now(), 'c', 'e', 'did', '{}')")  # fmt: skip


async def _left(database: Database) -> list[int]:
    tables = ("outbox", "inbox", "journal")
    return [await database.pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables]


@pytest.mark.parametrize(
    ("days", "left"), [(13, [2, 1, 1]), (15, [1, 1, 1]), (31, [1, 0, 1]), (91, [1, 0, 0])]
)
async def test_each_kind_is_kept_its_time(database: Database, days: int, left: list[int]) -> None:
    await _fill(database)
    await Retention(database, Later(days)).forget()
    assert await _left(database) == left


def test_an_inbox_kept_shorter_than_the_outbox_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="keep the inbox longer"):
        Retention(database, Later(0), outbox_days=30, inbox_days=14)


async def test_a_service_forgets_what_is_its_own_with_the_rest(database: Database) -> None:
    asked: list[datetime] = []

    async def own(_connection: object, now: datetime) -> int:
        asked.append(now)
        return 5

    later = Later(0)
    assert await Retention(database, later, own=own).forget() == 5
    assert later.now() - asked[0] < timedelta(minutes=1)
