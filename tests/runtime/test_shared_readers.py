"""Streams that come and go: read over one turn, each by itself, by one replica at a time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from services.runtime.bus import Bus
from services.runtime.cause import Cause
from services.runtime.clock import SystemClock
from services.runtime.database import Database
from services.runtime.facts import Facts
from services.runtime.reader import Reader, Turn
from services.runtime.received import RawMessage, Received
from services.runtime.shared_readers import SharedReaders, Varying
from services.runtime.work import Work
from tests.runtime.conftest import running
from tests.support.accounts import NatsAccount
from tests.support.databases import FLOOR
from tests.support.wait import until


def decode(message: RawMessage) -> Received[object]:
    place = f"{message.stream}:{message.seq}"
    return Received(place, "note", place, message.body.decode(), Cause(place, place), message)


@dataclass
class Yard:
    """A service that reads whatever streams there are."""

    bus: Bus
    database: Database
    streams: set[str] = field(default_factory=set)

    def readers(self) -> SharedReaders:
        return SharedReaders(self.database, FLOOR, Varying(lambda: self.streams, self.facts), self.make)

    def make(self, facts: Facts, turn: Turn) -> Reader:
        return Reader(self.database, self.bus, FLOOR, facts, SystemClock(), lambda work: None, turn=turn)

    def facts(self, stream: str) -> Facts:
        facts = Facts(stream, decode=decode, inbox=False)

        @facts.raw
        async def on_note(one: Received[str], work: Work) -> None:
            await work.connection.execute("INSERT INTO heard (bell, number) VALUES ($1, $2)", stream, one.seq)

        return facts

    async def add(self, *streams: str) -> None:
        for stream in streams:
            await self.bus.js.add_stream(name=stream, subjects=[f"{stream}.in"])
        self.streams |= set(streams)

    async def say(self, *streams: str) -> None:
        for stream in streams:
            await self.bus.publish(stream, f"{stream}.in", b"hello", {})

    async def heard(self, count: int) -> list[str]:
        async def enough() -> list[str]:
            rows = await self.database.pool.fetch("SELECT bell FROM heard ORDER BY bell")
            return [row["bell"] for row in rows] if len(rows) >= count else []

        return await until(enough, within=15, why=f"{count} to be heard")

    async def sessions(self) -> int:
        """How many sessions this service has, beside the one that asks."""
        return int(
            await self.database.pool.fetchval(
                "SELECT count(*) - 1 FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = $1",
                f"leadwire-{FLOOR}",
            )
        )


@pytest.fixture
async def yard(nats_account: NatsAccount, database: Database) -> AsyncIterator[Yard]:
    bus = await Bus.connect(nats_account.url)
    yield Yard(bus, database)
    await bus.close()


async def test_a_stream_that_appears_is_read_and_one_that_goes_is_not(yard: Yard) -> None:
    readers = yard.readers()
    async with running(readers.run):
        await yard.add("A")
        await yard.say("A")
        await yard.heard(1)
        await yard.add("B")
        await yard.say("B")
        assert await yard.heard(2) == ["A", "B"]
        yard.streams.discard("A")
        await until(lambda: set(readers.readers) == {"B"})
        await yard.say("A", "B")
        assert await yard.heard(3) == ["A", "B", "B"]
        yard.streams.add("A")
        assert await yard.heard(4) == ["A", "A", "B", "B"]


async def test_fifty_streams_share_two_connections(yard: Yard) -> None:
    streams = [f"S{number:02}" for number in range(50)]
    await yard.add(*streams)
    readers = yard.readers()
    async with running(readers.run):
        await yard.say(*streams, *streams)
        assert await yard.heard(100) == sorted(streams + streams)
        assert await yard.sessions() <= 2
        assert {reader.problem for reader in readers.readers.values()} == {None}


async def test_a_stream_that_is_missing_holds_up_no_other(yard: Yard) -> None:
    await yard.add("A")
    yard.streams.add("MISSING")
    readers = yard.readers()
    async with running(readers.run):
        await yard.say("A")
        await yard.heard(1)
        await until(lambda: readers.readers["MISSING"].problem == "FeedBroken")
        await yard.add("MISSING")
        await yard.say("MISSING")
        await yard.heard(2)


async def test_another_replica_takes_over(yard: Yard) -> None:
    await yard.add("A")
    first, second = yard.readers(), yard.readers()
    stop = asyncio.Event()
    reading = asyncio.create_task(first.run(stop))
    await yard.say("A")
    await yard.heard(1)
    async with running(second.run):
        await until(lambda: "A" in second.readers)
        stop.set()
        await reading
        await yard.say("A")
        assert await yard.heard(2) == ["A", "A"]


async def test_readers_begin_anew_after_the_database_cut_them_off(yard: Yard) -> None:
    await yard.add("A", "B")
    async with running(yard.readers().run):
        await yard.say("A", "B")
        await yard.heard(2)
        await yard.database.pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        # What the test itself asks with would otherwise find out the hard way.
        await yard.database.pool.expire_connections()
        await yard.say("A", "B")
        assert await yard.heard(4) == ["A", "A", "B", "B"]
