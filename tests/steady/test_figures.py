"""The measures measure: slopes with their bounds, percentiles, and a load that keeps its beat."""

import asyncio
import random
from contextlib import suppress

import pytest

from tests.steady.figures import percentile, slope
from tests.steady.load import Forms
from tests.steady.memory import MEGABYTE, Trend
from tests.support.wait import until

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def noisy(per_second: float) -> list[tuple[float, float]]:
    """Ten minutes of a size that wavers by a megabyte, with a peak now and then."""
    dice = random.Random(1)
    sizes = [150 * MEGABYTE + dice.gauss(0, MEGABYTE) + per_second * 5 * n for n in range(120)]
    return [(5.0 * n, size + 40 * MEGABYTE * (n % 30 == 7)) for n, size in enumerate(sizes)]


def test_peaks_do_not_bend_the_slope() -> None:
    found = slope(noisy(10_000))
    assert found.best == pytest.approx(10_000, rel=0.1)
    assert found.least < 10_000 < found.most


@pytest.mark.parametrize(("per_second", "flat"), [(0, True), (100, True), (10_000, False)])
def test_what_stays_of_every_form_is_found(per_second: float, flat: bool) -> None:
    points = noisy(per_second)
    assert Trend("hub", points, slope(points), rate=100).flat == flat


def test_percentiles_are_values_that_were_measured() -> None:
    assert [percentile([3, 1, 2], share) for share in (0.5, 0.99, 1.0)] == [2, 3, 3]


async def test_the_load_keeps_its_beat_and_notes_every_answer() -> None:
    asked = connected = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked, connected
        connected += 1
        with suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
                asked += 1
                writer.write(_BUSY if asked == 3 else _OK)
                if asked == 5:
                    break
        writer.close()
        await writer.wait_closed()
        connected -= 1

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        forms = Forms(server.sockets[0].getsockname()[1])
        answers = await forms.send(per_second=200, seconds=0.1)
        forms.close()
        await until(lambda: not connected)
    assert len(answers) == 20
    assert len(forms.accepted) == 19
    assert [one.status for one in forms.refused] == [503]
    assert all(0 <= one.seconds < 5 for one in answers)
