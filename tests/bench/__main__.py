"""`python -m tests.bench`: every part, or those that are named. `--help` tells the options."""

import argparse
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.bench import parts, plot, report
from tests.bench.contender import Part, Stage
from tests.bench.contest import Outcome, contest
from tests.support.faults import private_engines
from tests.support.scratch import scratch_home

DOCS = Path(__file__).parents[2] / "docs"


async def bench(chosen: Sequence[Part], rounds: int, seconds: float, concurrency: int) -> list[Outcome]:
    """The parts one after the other, each on engines of its own."""
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[turn]:<34}"),
        TimeElapsedColumn(),
    )
    outcomes = []
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=2) as progress:
        for part in chosen:
            outcomes.append(await _part(progress, part, rounds, seconds, concurrency))
    return outcomes


async def _part(progress: Progress, part: Part, rounds: int, seconds: float, concurrency: int) -> Outcome:
    bar = progress.add_task(part.name, total=None, turn="starting")
    turns = 0

    def told(turn: str) -> None:
        nonlocal turns
        progress.update(bar, turn=turn, completed=turns)
        turns += 1

    with scratch_home() as folder:
        async with private_engines(max_connections=120) as engines:
            outcome = await contest(part, Stage(engines, folder, concurrency), rounds, seconds, told)
    progress.update(bar, completed=turns, total=turns, turn="done")
    return outcome


def _arguments() -> argparse.Namespace:
    given = argparse.ArgumentParser(prog="python -m tests.bench")
    given.add_argument("parts", nargs="*", default=[], help=f"of {', '.join(parts.NAMES)}; all by default")
    given.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    given.add_argument("--seconds", type=float, default=3.0, help="length of a turn")
    given.add_argument("--connections", type=int, default=64, help="kept connections of the load")
    given.add_argument("--write", action="store_true", help="write docs/benchmarks.md also for some parts")
    return given.parse_args()


def main() -> int:
    """Run, print, write; 1 when something that must hold does not."""
    given = _arguments()
    # Warnings of the clients' libraries would tear the bars.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    names = given.parts or list(parts.NAMES)
    chosen = [parts.part(name) for name in names]
    outcomes = uvloop.run(bench(chosen, given.rounds, given.seconds, given.connections))
    console = Console(width=max(160, Console().width))
    for outcome in outcomes:
        console.print(report.table(outcome), *outcome.verdicts, *report.remarks(outcome), "", sep="\n")
    if given.write or names == list(parts.NAMES):
        now = datetime.now(UTC)
        (DOCS / "benchmarks.md").write_text(report.page(outcomes, given.rounds, given.seconds, now))
        for name, picture in plot.shown(outcomes).items():
            (DOCS / name).write_text(picture)
    return any(verdict.startswith("MISSED") for outcome in outcomes for verdict in outcome.verdicts)


if __name__ == "__main__":
    sys.exit(main())
