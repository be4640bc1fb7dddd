"""What a row of measurements amounts to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_CONFIDENCE = 1.96
"""Of a normal distribution: 95 of 100."""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies; nan when there are none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1 if share else 0)]


@dataclass(frozen=True)
class Slope:
    """How fast something grows per second: the best guess, and between what it lies 95 times of 100."""

    best: float
    least: float
    most: float


def slope(points: Sequence[tuple[float, float]]) -> Slope:
    """Theil-Sen: the median of the slopes between all pairs, which single peaks cannot bend.

    The interval is Sen's, from the variance of Kendall's statistic. Needs two points of different time.
    """
    slopes = sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for n, earlier in enumerate(points)
        for later in points[n + 1 :]
        if later[0] != earlier[0]
    )
    count = len(points)
    spread = _CONFIDENCE * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, int((len(slopes) - spread) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + spread) / 2))
    return Slope(median(slopes), slopes[low], slopes[high])
