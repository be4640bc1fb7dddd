import asyncio

from services.notifications.delivery.line import Parcel, Server
from services.notifications.delivery.lines import Lines
from tests.notifications.smtp_sink import Sink, hang_up, sink

PARCEL = Parcel("hello@school.example", "ann@client.example", b"Subject: x\r\n\r\nhello\r\n")


def lines(to: Sink, size: int = 3, **given: float) -> Lines:
    return Lines(Server("127.0.0.1", to.port), size=size, **given)  # type: ignore[arg-type]


async def test_no_more_connections_than_wanted_and_allowed_are_opened() -> None:
    async with sink() as to:
        pool = lines(to)
        first = await pool.take(1)
        assert (to.sessions, pool.free) == (1, 2)
        rest = await pool.take(9)
        assert (len(first), len(rest), to.sessions, pool.free) == (1, 2, 3, 0)
        for line in first + rest:
            await pool.give_back(line)
        await pool.close()


async def test_connections_are_used_again() -> None:
    async with sink() as to:
        pool = lines(to)
        for _ in range(5):
            [line] = await pool.take(1)
            await line.carry(PARCEL)
            await pool.give_back(line)
        await pool.close()
    assert (to.sessions, len(to.letters)) == (1, 5)


async def test_a_connection_is_replaced_after_so_many_letters() -> None:
    async with sink() as to:
        pool = lines(to, most_letters=2)
        for _ in range(6):
            [line] = await pool.take(1)
            await line.carry(PARCEL)
            await pool.give_back(line)
        await pool.close()
    assert (to.sessions, len(to.letters)) == (3, 6)


async def test_an_unused_connection_is_closed_before_the_server_does_it() -> None:
    now = 0.0
    async with sink() as to:
        pool = Lines(Server("127.0.0.1", to.port), size=2, idle_seconds=15, monotonic=lambda: now)
        [line] = await pool.take(1)
        line.used_at = 0.0
        await pool.give_back(line)
        await pool.tidy()
        assert pool.standing == 1
        now = 16.0
        await pool.tidy()
        assert pool.standing == 0


async def test_a_connection_the_server_closed_is_not_handed_out() -> None:
    async with sink() as to:
        pool = lines(to)
        [line] = await pool.take(1)
        await pool.give_back(line)
        for session in list(to.open):
            hang_up(session)
        await asyncio.sleep(0.05)
        assert pool.standing == 0
        [fresh] = await pool.take(1)
        assert (await fresh.carry(PARCEL)).kind == "sent"
        await pool.give_back(fresh)
        await pool.close()


async def test_while_the_server_is_away_one_connection_at_a_time_is_tried() -> None:
    now = 0.0
    async with sink() as to:
        pool = Lines(Server("127.0.0.1", to.port), size=3, monotonic=lambda: now)
    assert await pool.take(3) == []
    assert pool.problem
    assert pool.retry_in > 0
    async with sink(to.port) as back:
        assert await pool.take(3) == [], "not before its time"
        now = 1.0
        found = await pool.take(3)
        assert len(found) == 1
        assert pool.problem is None
        more = await pool.take(3)
        assert len(more) == 2
        for line in found + more:
            await pool.give_back(line)
        await pool.close()
        assert back.sessions == 3
