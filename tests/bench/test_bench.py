"""The bench itself, without engines: its load, its turns and what it writes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

from tests.bench import load, plot, report
from tests.bench.contender import Contender, Measured, Stage
from tests.bench.contest import Outcome, contest
from tests.bench.rows import Row, repeated
from tests.support.faults import PrivateEngines
from tests.support.wait import until

open_connections = 0
ANSWER = b"HTTP/1.1 %b\r\nserver: x\r\nContent-Length: 2\r\n\r\nok"


class Two:
    """A part with a quick contender and a slow one."""

    name = "two"
    title = "Two & more"

    @asynccontextmanager
    async def contenders(self, stage: Stage) -> AsyncIterator[Sequence[Contender]]:
        yield [Row("quick", "things", self._quick), Row("slow", "things", self._slow, ("quick",))]

    async def _quick(self, seconds: float) -> Measured:
        return await repeated(lambda worker: asyncio.sleep(0.001), 4, seconds)

    async def _slow(self, seconds: float) -> Measured:
        return Measured(10, 1.0, [0.1] * 10, [place / 10 for place in range(10)])

    def verdicts(self, rates: Mapping[str, float]) -> Sequence[str]:
        return [f"met: quick is {rates['quick'] / rates['slow']:.0f} times as fast"]


async def outcome() -> Outcome:
    engines = cast(PrivateEngines, None)
    return await contest(Two(), Stage(engines, Path()), rounds=3, seconds=0.05, told=lambda turn: None)


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes every second form."""
    global open_connections
    open_connections += 1
    number = 0
    while head := await reader.readline():
        while (line := await reader.readline()).strip():
            head += line
        await reader.readexactly(load._length(head, len(head)))
        writer.write(ANSWER % (b"200 OK" if number % 2 == 0 else b"503 Not Now"))
        number += 1
    writer.close()
    await writer.wait_closed()
    open_connections -= 1


async def test_the_load_counts_what_was_taken_and_what_was_not() -> None:
    server = await asyncio.start_server(answering, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    measured = await load.attack(f"http://127.0.0.1:{port}/in/form", connections=4, seconds=0.1)
    await until(lambda: open_connections == 0)
    server.close()
    await server.wait_closed()
    assert measured.done == len(measured.latencies) == len(measured.instants)
    assert abs(measured.done - measured.failed) <= 4
    assert 0 < max(measured.instants) <= measured.seconds


def test_no_two_forms_are_by_one_person() -> None:
    assert len({load.form(run, number) for run in ("00", "01") for number in range(50)}) == 100


async def test_contenders_take_turns_and_are_compared() -> None:
    found = await outcome()
    quick, slow = found.tallies
    assert quick.rate > slow.rate == 10
    assert slow.latency(0.5) == 0.1
    page = report.page([found], 3, 0.05, datetime(2026, 1, 1, tzinfo=UTC))
    assert "| slow | 10 things/s | 0.0" in page
    assert "- met: quick is" in page
    assert "![Two & more: rate over time](benchmarks-two.svg)" in page


async def test_the_plot_is_well_formed() -> None:
    [(name, picture)] = plot.shown([await outcome()]).items()
    assert name == "benchmarks-two.svg"
    assert ElementTree.fromstring(picture).tag.endswith("svg")
