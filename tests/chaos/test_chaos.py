"""A little of `make chaos` with every test run: a few kills of everything, the whole ledger."""

import pytest

from tests.chaos.plan import Settings, draw
from tests.chaos.run import run
from tests.chaos.world import places

ALONE = {"connectors": 1, "leads": 1, "deals": 1, "notifications": 1, "hub": 1}
LITTLE = Settings(deliveries=40, kills=1, pauses=0, seconds=5.0, fills=0)


@pytest.mark.timeout(200)
async def test_what_was_accepted_is_done_once_whatever_is_killed() -> None:
    plan = draw(3, LITTLE, (*places(ALONE), "nats", "postgres"))
    verdict = await run(plan, ALONE, print, patience=60)
    assert not any(verdict.wrong.values()), verdict.wrong
    assert verdict.accepted >= LITTLE.deliveries
    assert set(verdict.kills.values()) == {1}
