"""Publishing with others: one commit for many, and nobody told before it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from services.runtime.bus import Bus, BusUnavailable, PublishRefused
from services.runtime.lots import FEWEST, LOTS
from services.runtime.provision import provision
from services.runtime.publishing import Message
from services.runtime.streams import intake_stream
from tests.support.accounts import NatsAccount
from tests.support.faults import PrivateEngines
from tests.support.proxy import before_nats
from tests.support.wait import until

MANY = FEWEST * 4


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    bus = await Bus.connect(nats_account.url)
    await provision(bus, [intake_stream()])
    yield bus
    await bus.close()


async def publish(bus: Bus, name: str, timeout: float = 5.0, body: bytes = b"form") -> bool:
    return await bus.publish_with_others("INTAKE", "intake.site", body, {"Nats-Msg-Id": name}, timeout)


async def publish_all(bus: Bus, names: Sequence[str], timeout: float = 5.0) -> list[bool | BaseException]:
    return await asyncio.gather(*(publish(bus, name, timeout) for name in names), return_exceptions=True)


async def stored(bus: Bus) -> list[str]:
    """The ids in the stream, in its order."""
    state = (await bus.js.stream_info("INTAKE")).state
    found = [await bus.js.get_msg("INTAKE", seq) for seq in range(1, state.last_seq + 1)]
    return [(message.headers or {})["Nats-Msg-Id"] for message in found]


def lots(how: str) -> float:
    return LOTS.labels("INTAKE", how)._value.get()


async def test_what_comes_at_once_is_one_commit_and_keeps_its_order(bus: Bus) -> None:
    before = lots("batch")
    names = [f"n{number}" for number in range(MANY)]
    assert await publish_all(bus, names) == [False] * MANY
    assert await stored(bus) == names
    assert lots("batch") == before + 1


async def test_in_a_crowd_nobody_goes_ahead_alone(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who missed a lot waits a moment for those who were in it and are about to come again."""
    commits: list[list[str]] = []
    answered = asyncio.Event()

    async def batch(_stream: str, messages: Sequence[Message], **_: float) -> None:
        commits.append([message.headers["Nats-Msg-Id"] for message in messages])
        await answered.wait()

    async def twice(number: int) -> None:
        await publish(bus, f"a{number}")
        for _ in range(8 + number):  # the way to the sender and back
            await asyncio.sleep(0)
        await publish(bus, f"b{number}")

    monkeypatch.setattr(bus, "publish_batch", batch)
    monkeypatch.setattr("services.runtime.lots._GATHER_SECONDS", 5.0)
    crowd = [asyncio.create_task(twice(number)) for number in range(MANY)]
    await until(lambda: len(commits) == 1)
    late = asyncio.create_task(publish(bus, "late"))
    await asyncio.sleep(0)
    answered.set()
    await asyncio.wait([late, *crowd])
    assert "late" in commits[1]
    assert len(commits[1]) > MANY / 2


async def test_a_repeat_is_stored_once_and_told_to_be_one(bus: Bus) -> None:
    names = [f"n{number}" for number in range(MANY)]
    answers = await publish_all(bus, [*names, *names])
    assert answers == [False] * MANY + [True] * MANY
    assert await publish_all(bus, names) == [True] * MANY
    assert await stored(bus) == names


async def test_an_id_that_another_process_stored_spoils_the_batch_and_no_message(
    bus: Bus, nats_account: NatsAccount
) -> None:
    other = await Bus.connect(nats_account.url)
    assert await publish(other, "n3") is False
    await other.close()
    refused = lots("refused")
    names = [f"n{number}" for number in range(MANY)]
    assert await publish_all(bus, names) == [name == "n3" for name in names]
    assert sorted(await stored(bus)) == sorted(names)
    assert lots("refused") == refused + 1


async def test_a_stream_without_batches_takes_single_messages(nats_account: NatsAccount) -> None:
    bus = await Bus.connect(nats_account.url)
    await provision(bus, [replace(intake_stream(), allow_atomic=False)])
    refused = lots("refused")
    for lot in range(3):
        names = [f"n{lot}-{number}" for number in range(MANY)]
        assert await publish_all(bus, names) == [False] * MANY
    assert len(await stored(bus)) == 3 * MANY
    assert lots("refused") == refused + 1, "asked again although it was told"
    await bus.close()


async def test_one_that_is_too_large_is_refused_alone(bus: Bus) -> None:
    names = [f"n{number}" for number in range(MANY)]
    large = asyncio.create_task(publish(bus, "large", body=b"x" * 2_000_000))
    assert await publish_all(bus, names) == [False] * MANY
    with pytest.raises(PublishRefused):
        await large
    assert sorted(await stored(bus)) == sorted(names)


async def test_nobody_is_told_before_the_bus_has_answered(bus: Bus, nats_account: NatsAccount) -> None:
    names = [f"n{number}" for number in range(MANY)]
    async with before_nats(nats_account.url) as (proxy, url):
        behind = await Bus.connect(url)
        proxy.freeze()
        late = [type(answer) for answer in await publish_all(behind, names, timeout=0.3)]
        assert late == [BusUnavailable] * MANY
        waiting = asyncio.gather(*(publish(behind, name, timeout=20) for name in names))
        proxy.thaw()
        await waiting
        await behind.close()
    assert sorted(await stored(bus)) == sorted(names)


async def test_whoever_no_longer_waits_takes_nobody_along(bus: Bus) -> None:
    first = asyncio.create_task(publish(bus, "n"))
    second = asyncio.create_task(publish(bus, "n"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is True
    assert await stored(bus) == ["n"]


async def test_what_was_acknowledged_survives_a_killed_server(
    private_engines: Callable[..., Awaitable[PrivateEngines]],
) -> None:
    engines = await private_engines()
    bus = await Bus.connect(engines.account().url)
    await provision(bus, [intake_stream()])
    accepted: set[str] = set()
    kills = 3

    async def sender(number: int) -> None:
        sent = 0
        while kills:
            name = f"n{number}-{sent}"
            try:
                await publish(bus, name, timeout=4)
            except (BusUnavailable, PublishRefused):
                continue
            accepted.add(name)
            sent += 1

    senders = [asyncio.create_task(sender(number)) for number in range(MANY)]

    async def more() -> None:
        enough = len(accepted) + 300
        await until(lambda: len(accepted) >= enough, within=30)

    while kills:
        await more()
        await engines.kill_nats()
        await engines.restart_nats()
        kills -= 1
    await asyncio.gather(*senders)
    found = await stored(bus)
    assert len(found) == len(set(found))
    assert accepted <= set(found)
    await bus.close()
