"""Whatever breaks, both services end where a serial replay of their streams ends; and each guard is needed for it."""

import pytest

from tests.proof.history import run
from tests.proof.plan import Settings, draw
from tests.support.faults import private_engines

HISTORIES = range(1, 21)
UNREPEATED = {"repeats": False, "dedupe_seconds": 120.0}
CROWDED = {"faults": False, "rooms": 6, "sick": 0.2, "slow": 0.01, "patience": 8.0}


async def _wrong(settings: Settings, seeds: range) -> dict[int, list[str]]:
    found = {}
    async with private_engines(max_connections=80) as engines:
        for seed in seeds:
            verdict = await run(engines, draw(seed, settings))
            print(f"seed {seed}: {verdict.facts} facts, {'; '.join(verdict.wrong) or 'equal'}")
            if not verdict:
                found[seed] = verdict.wrong
    return found


@pytest.mark.slow
@pytest.mark.timeout(500)
async def test_every_history_equals_a_serial_replay() -> None:
    assert await _wrong(Settings(), HISTORIES) == {}


@pytest.mark.slow
async def test_a_crowd_of_parked_facts_and_redrives_equals_a_serial_replay() -> None:
    assert await _wrong(Settings(**CROWDED | {"patience": 30.0}), range(1, 2)) == {}


@pytest.mark.slow
async def test_without_the_inbox_repeats_are_done_twice() -> None:
    assert await _wrong(Settings(off=frozenset({"inbox"})), range(1, 2))


@pytest.mark.slow
async def test_without_the_inbox_but_without_repeats_the_fence_holds() -> None:
    assert await _wrong(Settings(off=frozenset({"inbox"}), **UNREPEATED), range(1, 2)) == {}


@pytest.mark.slow
async def test_without_the_inbox_and_the_fence_two_readers_do_all_twice() -> None:
    assert await _wrong(Settings(off=frozenset({"inbox", "fence"}), **UNREPEATED), range(1, 2))


@pytest.mark.slow
async def test_without_the_lock_of_redrive_facts_are_stranded() -> None:
    assert await _wrong(Settings(off=frozenset({"redrive-lock"}), **CROWDED), range(1, 3))


@pytest.mark.slow
async def test_relays_that_skip_locked_rows_reorder() -> None:
    crowded = CROWDED | {"rooms": 2, "sick": 0.02, "patience": 30.0}
    assert await _wrong(Settings(off=frozenset({"single-relay"}), **crowded), range(1, 3))
