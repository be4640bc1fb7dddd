"""Rate over time as a small SVG, one line for each contender's typical round."""

from collections.abc import Iterator, Sequence
from html import escape

from tests.bench.contender import Measured
from tests.bench.contest import Outcome

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _LEGEND = 860, 340, 64, 34, 40, 260
_COLOURS = ("#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#b07aa1", "#9c755f", "#edc948")
_STEPS = 4


def plot(outcome: Outcome, bucket: float = 0.25) -> str:
    """The picture. `bucket` is the width of one point in seconds."""
    lines = {tally.name: _line(tally.typical, bucket) for tally in outcome.tallies}
    across = max((len(line) for line in lines.values()), default=1) or 1
    up = _round_up(max((max(line, default=0.0) for line in lines.values()), default=1.0))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{escape(outcome.title)}: a second, over the round</text>',
        *_grid(up, across * bucket),
    ]
    for number, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(f"{_x(place, across):.1f},{_y(rate, up):.1f}" for place, rate in enumerate(line))
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" points="{points}"/>')
        parts.append(_named(number, colour, name))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _line(measured: Measured, bucket: float) -> list[float]:
    """The rate in each whole bucket."""
    counts = [0] * int(measured.seconds / bucket)
    for instant in measured.instants:
        place = int(instant / bucket)
        if place < len(counts):
            counts[place] += 1
    return [count / bucket for count in counts]


def _grid(up: float, seconds: float) -> Iterator[str]:
    right = _WIDTH - _LEGEND
    for step in range(_STEPS + 1):
        y = _y(up * step / _STEPS, up)
        yield f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{up * step / _STEPS:,.0f}</text>'
    yield f'<text x="{right}" y="{_HEIGHT - 12}" text-anchor="end">{seconds:g} s</text>'
    yield f'<text x="{_LEFT}" y="{_HEIGHT - 12}">0</text>'


def _named(number: int, colour: str, name: str) -> str:
    y = _TOP + 14 + 20 * number
    left = _WIDTH - _LEGEND + 16
    return (
        f'<rect x="{left}" y="{y - 9}" width="12" height="10" fill="{colour}"/>'
        f'<text x="{left + 18}" y="{y}">{escape(name)}</text>'
    )


def _x(place: int, across: int) -> float:
    return _LEFT + (_WIDTH - _LEGEND - _LEFT) * (place + 0.5) / across


def _y(rate: float, up: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * rate / up


def _round_up(most: float) -> float:
    size = 1.0
    while size < most:
        size *= 10
    return next(size * share for share in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if size * share >= most)


def shown(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """The pictures by the names of their files."""
    return {f"benchmarks-{one.name}.svg": plot(one) for one in outcomes if one.pictured}
