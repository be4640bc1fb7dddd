"""`python -m tests.proof --histories 200 --seed 1`: as many histories as wanted, seeds printed."""

import argparse
import asyncio
import logging
import sys
import time

import structlog

from tests.proof.history import run
from tests.proof.plan import Settings, draw
from tests.proof.weakened import GUARDS
from tests.support.faults import private_engines


async def main(histories: int, seed: int, settings: Settings) -> int:
    """Run them one after the other; how many were wrong."""
    wrong = facts = 0
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    async with private_engines(max_connections=80) as engines:
        for number in range(seed, seed + histories):
            begun = time.monotonic()
            verdict = await run(engines, draw(number, settings))
            facts += verdict.facts
            wrong += not verdict
            said = "equal to a serial replay" if verdict else "; ".join(verdict.wrong[:40])
            print(
                f"seed {number}: {verdict.facts} facts, {time.monotonic() - begun:.1f} s: {said}", flush=True
            )
    print(f"{histories} histories, {facts} facts, {wrong} wrong", flush=True)
    return wrong


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--histories", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--off", action="append", default=[], choices=sorted(GUARDS))
    arguments.add_argument("--no-repeats", action="store_true")
    arguments.add_argument("--rooms", type=int, default=12)
    arguments.add_argument("--sick", type=float, default=0.09)
    arguments.add_argument("--slow", type=float, default=0.0)
    arguments.add_argument("--no-faults", action="store_true")
    given = arguments.parse_args()
    chosen = Settings(
        repeats=not given.no_repeats,
        faults=not given.no_faults,
        off=frozenset(given.off),
        rooms=given.rooms,
        sick=given.sick,
        slow=given.slow,
        dedupe_seconds=120 if given.no_repeats else 0.1,
    )
    sys.exit(min(1, asyncio.run(main(given.histories, given.seed, chosen))))
