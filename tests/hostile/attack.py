"""An attack: what is done, what must come of it, what came of it."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.hostile.target import Target

Run = Callable[[Target], Awaitable[str]]


@dataclass(frozen=True)
class Attack:
    """One row of the table. `expected` is a regular expression for all of what `run` reports.

    A `slow` one waits for a time limit: it runs beside others of its kind.
    """

    group: str
    name: str
    expected: str
    run: Run
    slow: bool = False


@dataclass(frozen=True)
class Row:
    """An attack with its outcome."""

    attack: Attack
    got: str
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Whether the hub stood its ground."""
        return re.fullmatch(self.attack.expected, self.got) is not None


async def carry_out(attacks: list[Attack], target: Target) -> list[Row]:
    """Run the slow ones all at once, then the others one by one. Rows in the order of the attacks."""
    slow = [one for one in attacks if one.slow]
    rows = dict(zip(slow, await asyncio.gather(*(_try(one, target) for one in slow)), strict=True))
    rows |= {one: await _try(one, target) for one in attacks if not one.slow}
    return [rows[one] for one in attacks]


async def _try(attack: Attack, target: Target) -> Row:
    begun = time.monotonic()
    try:
        async with asyncio.timeout(60):
            got = await attack.run(target)
    except Exception as error:  # a row that breaks is a row that failed
        got = f"{type(error).__name__}: {error}"[:200]
    return Row(attack, got, time.monotonic() - begun)


def nothing_stored(run: Run) -> Run:
    """The attack must leave no message in a stream of deliveries; what is there is told otherwise."""

    async def watched(target: Target) -> str:
        before = await target.stored()
        got = await run(target)
        after = await target.stored()
        return got if after == before else f"{got}, {after - before} stored"

    return watched
