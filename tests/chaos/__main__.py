"""`python -m tests.chaos --seed 7`: breaks everything for some minutes, prints what the ledger found."""

import argparse
import asyncio
import logging
import sys
import time

import structlog

from tests.chaos.orders import GUARDS
from tests.chaos.plan import ENGINES, Plan, Settings, draw
from tests.chaos.run import Verdict, run
from tests.chaos.stacked import IN_FRONT, stacked
from tests.chaos.world import REPLICAS, places, world


def main() -> int:
    """The command; 0 when nothing was wrong."""
    # That the bus comes and goes is the point of it all.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    given = _arguments().parse_args()
    off = frozenset(guard for guard in given.off.split(",") if guard)
    if wrong := off - GUARDS:
        sys.exit(f"--off knows {', '.join(sorted(GUARDS))}, not {', '.join(sorted(wrong))}")
    if given.compose and off:
        sys.exit("--off takes guards out of processes; containers run what is deployed")
    settings = Settings(
        deliveries=given.deliveries,
        kills=given.kills,
        pauses=given.pauses,
        seconds=given.seconds or max(20.0, (40.0 if given.compose else 14.0) * given.kills),
        repeats=not given.no_repeats,
        fills=given.fills,
        off=off,
    )
    front = IN_FRONT if given.compose else ()
    plan = draw(given.seed, settings, (*places(REPLICAS), *front, *ENGINES))
    begun = time.monotonic()
    verdict = asyncio.run(_run(plan, given.compose))
    _report(verdict, given.seed, off, time.monotonic() - begun)
    return 0 if verdict else 1


async def _run(plan: Plan, in_containers: bool) -> Verdict:
    dedupe = plan.settings.dedupe_seconds
    if in_containers:
        return await run(plan, stacked(REPLICAS, seed=plan.seed, dedupe_seconds=dedupe), _say, patience=300)
    return await run(
        plan, world(REPLICAS, seed=plan.seed, off=plan.settings.off, dedupe_seconds=dedupe), _say
    )


def _arguments() -> argparse.ArgumentParser:
    known = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    known.add_argument("--seed", type=int, default=1, help="decides people, faults and their times")
    known.add_argument("--deliveries", type=int, default=5000, help="how many must be accepted")
    known.add_argument("--kills", type=int, default=20, help="SIGKILLs of each process")
    known.add_argument("--pauses", type=int, default=4, help="SIGSTOPs of each process")
    known.add_argument(
        "--seconds", type=float, default=0.0, help="of load and faults; 14 for each kill, 40 in containers"
    )
    known.add_argument("--fills", type=int, default=2, help="how often each disk fills")
    known.add_argument("--off", default="", help=f"take guards out: {', '.join(sorted(GUARDS))}")
    known.add_argument(
        "--compose", action="store_true", help="the stack of docker-compose.yml (needs Docker)"
    )
    known.add_argument("--no-repeats", action="store_true", help="nothing is sent or published again")
    return known


def _say(line: str) -> None:
    print(line, flush=True)


def _report(verdict: Verdict, seed: int, off: frozenset[str], seconds: float) -> None:
    without = f", without {', '.join(sorted(off))}" if off else ""
    found = "nothing wrong" if verdict else "WRONG"
    _say(f"seed {seed}{without}: {verdict.accepted} accepted, {seconds:.0f} s: {found}")


if __name__ == "__main__":
    sys.exit(main())
