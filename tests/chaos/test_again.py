"""What is said again was stored before: a second time never comes first."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nats.aio.msg import Msg

from services.runtime.bus import Bus
from tests.chaos.again import Again
from tests.support.accounts import NatsAccount
from tests.support.wait import until

STREAM, SUBJECT = "CRM_LEADS", "crm.leads.captured.v1.one"


@pytest.fixture
async def bus(nats_account: NatsAccount, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bus]:
    monkeypatch.setattr("tests.chaos.again._PAUSE", (0.0, 0.0))
    bus = await Bus.connect(nats_account.url)
    await bus.js.add_stream(name=STREAM, subjects=["crm.leads.>"], allow_atomic=True, duplicate_window=0.1)
    yield bus
    await bus.close()


@asynccontextmanager
async def heard_again(bus: Bus, subject: str) -> AsyncIterator[list[bytes]]:
    """What is said a second time, as it comes."""
    heard: list[bytes] = []

    async def listen(message: Msg) -> None:
        if "Chaos-Again" in (message.headers or {}):
            heard.append(message.data)

    await bus.nc.subscribe(subject, cb=listen)
    yield heard


def part_of_batch(place: int) -> dict[str, str]:
    return {"Nats-Batch-Id": "abandoned", "Nats-Batch-Sequence": str(place), "Nats-Msg-Id": f"m{place}"}


async def test_a_fact_of_a_batch_that_was_abandoned_is_not_said_again(bus: Bus) -> None:
    again = Again(bus, random.Random(1), share=1.0)
    async with heard_again(bus, "crm.leads.>") as heard:
        following = asyncio.create_task(again.follow(STREAM))
        for place in (1, 2):
            await bus.nc.publish(SUBJECT, b"abandoned", headers=part_of_batch(place))
        await bus.publish(STREAM, SUBJECT, b"stored", {"Nats-Msg-Id": "stored"})
        await until(lambda: heard)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await again.finished()
    assert heard == [b"stored"]
    state = (await bus.js.stream_info(STREAM)).state
    assert state.messages <= 2, "once by its publisher, and once more by us"


async def test_a_command_is_said_again_only_when_it_left_alone(bus: Bus) -> None:
    again = Again(bus, random.Random(1), share=1.0)
    async with heard_again(bus, "do.>") as heard:
        await bus.nc.subscribe("do.>", cb=again.hear)
        await bus.nc.publish("do.leads.note", b"in a batch", headers=part_of_batch(1))
        await bus.nc.publish("do.leads.note", b"alone", headers={"Nats-Msg-Id": "alone"})
        await until(lambda: heard)
        await again.finished()
    assert heard == [b"alone"]
