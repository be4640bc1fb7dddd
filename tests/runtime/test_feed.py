"""What a feed holds stays small, however large the messages are."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.runtime.bus import Bus
from services.runtime.feed import BATCH, BATCH_BYTES, Feed
from tests.support.accounts import NatsAccount
from tests.support.wait import until

STREAM = "LARGE"
SIZE = 500 * 1024
COUNT = 40


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    bus = await Bus.connect(nats_account.url)
    await bus.js.add_stream(name=STREAM, subjects=["large"])
    for _ in range(COUNT):
        await bus.publish(STREAM, "large", bytes(SIZE))
    yield bus
    await bus.close()


async def test_more_messages_than_one_pull_brings_come_through_one_feed(bus: Bus) -> None:
    await bus.js.add_stream(name="SMALL", subjects=["small"])
    count = 3 * BATCH + 1
    await asyncio.gather(*(bus.publish("SMALL", "small", b"x") for _ in range(count)))
    feed = await Feed.open(bus, "SMALL", 1)
    try:
        seqs: list[int] = []
        while len(seqs) < count:
            seqs += [message.seq for message in await feed.next(5)]
        assert seqs == list(range(1, count + 1))
        assert await feed.next(0.2) == []
    finally:
        await feed.close()


async def test_large_messages_come_a_few_at_a_time_and_all_of_them_in_order(bus: Bus) -> None:
    feed = await Feed.open(bus, STREAM, 1)
    try:
        await until(lambda: feed.held > 2 * (BATCH_BYTES - SIZE), within=10)
        assert feed.held <= 2 * BATCH_BYTES
        seqs: list[int] = []
        while len(seqs) < COUNT:
            seqs += [message.seq for message in await feed.next(5)]
            assert feed.held <= 3 * BATCH_BYTES
        assert seqs == list(range(1, COUNT + 1))
    finally:
        await feed.close()
