"""Whatever breaks, both services end as a serial replay would; and each guard is needed for it."""

from dataclasses import replace

import pytest

from tests.proof.history import run
from tests.proof.plan import Settings, draw
from tests.support.faults import private_engines

HISTORIES = range(1, 21)
# Two things must meet in time before a missing guard shows: in most histories they do.
TRIES = range(1, 7)
UNREPEATED = Settings(repeats=False, dedupe_seconds=120)
CROWDED = Settings(faults=False, rooms=6, sick=0.2, slow=0.01)


def without(settings: Settings, *guards: str) -> Settings:
    """The same with some guards taken out."""
    return replace(settings, off=frozenset(guards))


async def _wrong(settings: Settings, seeds: range, most: int | None = None) -> dict[int, list[str]]:
    """What was wrong, by seed; no more histories once `most` of them were."""
    found: dict[int, list[str]] = {}
    async with private_engines(max_connections=80) as engines:
        for seed in seeds:
            verdict = await run(engines, draw(seed, settings))
            print(f"seed {seed}: {verdict.facts} facts, {'; '.join(verdict.wrong) or 'equal'}")
            if not verdict:
                found[seed] = verdict.wrong
            if len(found) == most:
                break
    return found


@pytest.mark.slow
@pytest.mark.timeout(500)
async def test_every_history_equals_a_serial_replay() -> None:
    assert await _wrong(Settings(), HISTORIES) == {}


@pytest.mark.slow
async def test_a_crowd_of_parked_facts_and_redrives_equals_a_serial_replay() -> None:
    assert await _wrong(CROWDED, range(1, 2)) == {}


@pytest.mark.slow
async def test_without_the_inbox_repeats_are_done_twice() -> None:
    assert await _wrong(without(Settings(), "inbox"), TRIES, most=1)


@pytest.mark.slow
async def test_without_the_inbox_but_without_repeats_the_fence_holds() -> None:
    assert await _wrong(without(UNREPEATED, "inbox"), range(1, 2)) == {}


@pytest.mark.slow
async def test_without_the_inbox_and_the_fence_two_readers_do_all_twice() -> None:
    assert await _wrong(without(UNREPEATED, "inbox", "fence"), TRIES, most=1)


@pytest.mark.slow
async def test_without_the_lock_of_redrive_facts_are_stranded() -> None:
    assert await _wrong(without(replace(CROWDED, patience=8), "redrive-lock"), TRIES, most=1)


@pytest.mark.slow
async def test_relays_that_skip_locked_rows_reorder() -> None:
    crowded = replace(CROWDED, rooms=2, sick=0.02)
    assert await _wrong(without(crowded, "single-relay"), TRIES, most=1)
