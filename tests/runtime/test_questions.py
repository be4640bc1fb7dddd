from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.runtime.bus import AnswerRefused, Bus
from services.runtime.cause import Cause
from services.runtime.host import Host
from services.runtime.settings import Settings
from tests.runtime.bell_service import Bells, program_of, provision_bells, ring, running_host, send
from tests.support.accounts import NatsAccount
from tests.support.databases import FLOOR
from tests.support.wait import until


@pytest.fixture
async def bus(nats_account: NatsAccount) -> AsyncIterator[Bus]:
    bus = await Bus.connect(nats_account.url)
    await provision_bells(bus)
    yield bus
    await bus.close()


@pytest.fixture
async def host(bus: Bus, nats_account: NatsAccount, database_dsn: str) -> AsyncIterator[Host]:
    settings = Settings(nats_url=nats_account.url, database_url=database_dsn)
    async with running_host(program_of(Bells()), settings) as host:
        await until(lambda: host.definitions and host.definitions.loaded.is_set())
        yield host


def about(question: str) -> str:
    return f"ask.{FLOOR}.{question}.v1"


async def test_a_question_of_its_own_is_answered(bus: Bus, host: Host) -> None:
    answer = await bus.request(about("state"), {"loud": True})
    assert answer == {"rung": 0, "asked": {"loud": True}, "by": FLOOR}


async def test_a_part_is_staged_or_its_mistakes_are_told(bus: Bus, host: Host) -> None:
    taken = await bus.request(about("stage"), {"version": "v1", "part": {"bells": 2}})
    assert taken == {"accepted": True, "errors": []}
    assert host.definitions is not None
    assert await host.definitions.of("v1") == {"bells": 2}


@pytest.mark.parametrize(
    ("question", "payload", "error"),
    [
        ("nonsense", {}, "no answer to nonsense"),
        ("stage", {}, "KeyError while answering stage"),
        ("trace", {}, "KeyError while answering trace"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused(
    bus: Bus, host: Host, question: str, payload: dict[str, object], error: str
) -> None:
    with pytest.raises(AnswerRefused, match=error):
        await bus.request(about(question), payload)


async def test_a_name_leads_to_its_enquiries_and_they_to_all_that_was_done(bus: Bus, host: Host) -> None:
    cause = Cause("event-1", "enquiry-1")
    async with host.work(cause) as work:
        work.note("hung it up", names=["great"])
        work.arm("swing", "great", work.now + timedelta(days=1), rule="daily")
    await send(bus, ring("great", 1, "never"))

    found = await bus.request(about("trace"), {"resolve": ["the big one"]})
    assert found == {"names": ["great", "the big one"], "correlations": ["enquiry-1"]}

    told = await bus.request(about("trace"), {"correlations": ["enquiry-1"]})
    (entry,) = told["entries"]
    assert (entry["service"], entry["did"], entry["names"]) == (FLOOR, "hung it up", ["great", "event-1"])
    (timer,) = told["timers"]
    assert (timer["kind"], timer["rule"]) == ("swing", "daily")
    assert told["parked"] == []
