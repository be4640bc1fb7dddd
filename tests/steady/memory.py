"""Memory of a hub under a steady load: it must not grow with what passes through."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.e2e.hub import Hub, a_hub
from tests.steady import family
from tests.steady.figures import Slope, slope
from tests.steady.load import Forms
from tests.steady.progress import caught_up, verdict

_EVERY_SECONDS = 5.0
_TRIAL_FORMS = 2_000
_AT_ONCE = 64
MEGABYTE = 1024 * 1024
PER_FORM = 64
"""Bytes. What is kept for each of the forms, be it one id in a list, costs more than this."""


@dataclass
class Samples:
    """Bytes by kind of process, each with its time in seconds."""

    points: dict[str, list[tuple[float, float]]] = field(
        default_factory=lambda: {kind: [] for kind in family.KINDS}
    )

    def add(self, at: float, sizes: Mapping[str, float]) -> None:
        """One look at all processes."""
        for kind, size in sizes.items():
            self.points[kind].append((at, size))


@dataclass(frozen=True)
class Trend:
    """How one kind of process grows. `rate` is forms a second."""

    kind: str
    points: Sequence[tuple[float, float]]
    slope: Slope
    rate: float

    @property
    def per_form(self) -> float:
        """Bytes that a form leaves behind by the fitted line."""
        return self.slope.best / self.rate

    @property
    def flat(self) -> bool:
        """Not growing for sure, or by less than the least that could be kept of every form."""
        return self.slope.least <= 0 or self.per_form < PER_FORM

    def told(self) -> str:
        """One line of the table."""
        first, last = (size / MEGABYTE for _, size in (self.points[0], self.points[-1]))
        hourly = [3600 * value / MEGABYTE for value in (self.slope.best, self.slope.least, self.slope.most)]
        return (
            f"  {self.kind:12}{first:9.1f}{last:9.1f}{hourly[0]:11.1f}  ({hourly[1]:.1f} to {hourly[2]:.1f})"
            f"{self.per_form:10.0f}   {'flat' if self.flat else 'GROWS'}"
        )


async def run(minutes: float, warm_up: float, rate: float | None) -> bool:
    """Load a hub at half of what it can do; whether every kind of process stays flat."""
    with a_hub() as hub:
        await hub.start()
        forms = Forms(hub.http_port)
        rate = rate or await _half_of_full_speed(hub, forms)
        print(f"{rate:.0f} forms/s for {minutes:g} minutes after a warm-up of {warm_up:g} s", flush=True)
        await forms.send(rate, warm_up)
        samples = await _sampled(hub, forms, rate, 60 * minutes)
        await caught_up(hub, len(forms.accepted), 300, tell=False)
        wrong = await verdict(hub, forms.accepted, len(forms.answers))
        forms.close()
    trends = [Trend(kind, points, slope(points), rate) for kind, points in samples.points.items()]
    _tell(trends)
    print("\n".join(f"  WRONG: {one}" for one in wrong) or "  every enquiry done once")
    return not wrong and all(trend.flat for trend in trends)


async def _half_of_full_speed(hub: Hub, forms: Forms) -> float:
    """Forms a second at which the whole way is half busy, from a burst timed to its last letter."""
    begun = time.monotonic()
    await forms.burst(_TRIAL_FORMS, _AT_ONCE)
    await caught_up(hub, len(forms.accepted), 300, tell=False)
    full = _TRIAL_FORMS / (time.monotonic() - begun)
    print(f"full speed: {full:.0f} enquiries/s from form to letter")
    return full / 2


async def _sampled(hub: Hub, forms: Forms, rate: float, seconds: float) -> Samples:
    samples, begun = Samples(), time.monotonic()
    sending = asyncio.create_task(forms.send(rate, seconds))
    while not sending.done():
        samples.add(time.monotonic() - begun, await asyncio.to_thread(family.memory, hub.family()))
        await asyncio.wait([sending], timeout=_EVERY_SECONDS)
    await sending
    return samples


def _tell(trends: Sequence[Trend]) -> None:
    print(f"  {'PSS':12}{'start MB':>9}{'end MB':>9}{'MB/hour':>11}  (95 %){'B/form':>14}")
    for trend in trends:
        print(trend.told())
    print(
        f"  flat: the slope may be 0 (Theil-Sen, 95 %), or is below {PER_FORM} bytes for each form;"
        f" {len(trends[0].points)} samples"
    )
