"""Lets the contenders of a part take turns, round by round, so that a noisy moment hits all alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.bench.contender import Contender, Measured, Part, Stage
from tests.bench.families import machine, use


@dataclass
class Tally:
    """All rounds of one contender. CPU is in milliseconds for each thing done, by family."""

    name: str
    counts: str
    against: Sequence[str]
    rounds: list[Measured] = field(default_factory=list)
    cpu: list[dict[str, float]] = field(default_factory=list)
    memory: dict[str, int] = field(default_factory=dict)
    strangers: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """The median of the rounds."""
        return median(one.rate for one in self.rounds)

    @property
    def typical(self) -> Measured:
        """The round whose rate is nearest to the median."""
        return min(self.rounds, key=lambda one: abs(one.rate - self.rate))

    def latency(self, share: float) -> float:
        """Seconds within which this share of all answers came; 0 without any."""
        found = sorted(each for one in self.rounds for each in one.latencies)
        return found[min(len(found) - 1, int(len(found) * share))] if found else 0.0

    def cpu_ms(self, family: str) -> float:
        """The median of the rounds."""
        return median(one.get(family, 0.0) for one in self.cpu)

    @property
    def load_ms(self) -> float:
        """CPU of the load for each thing done, the median of the rounds."""
        return median(1000 * one.load_cpu / max(1, one.done) for one in self.rounds)


@dataclass(frozen=True)
class Outcome:
    """One part, done."""

    name: str
    title: str
    tallies: Sequence[Tally]
    verdicts: Sequence[str]
    pictured: bool = True

    @property
    def strangers(self) -> float:
        """How many cores were busy with what belongs to no contender: the median of all rounds."""
        return median(each for tally in self.tallies for each in tally.strangers)


async def contest(
    part: Part, stage: Stage, rounds: int, seconds: float, told: Callable[[str], None]
) -> Outcome:
    """All rounds of a part. `told` hears of each turn before it begins."""
    async with part.contenders(stage) as contenders:
        tallies = {one.name: Tally(one.name, one.counts, one.against) for one in contenders}
        for number in range(rounds):
            for contender in contenders if number % 2 == 0 else reversed(contenders):
                told(contender.name)
                await _turn(contender, tallies[contender.name], seconds)
    rates = {name: tally.rate for name, tally in tallies.items()}
    pictured = getattr(part, "pictured", True)  # many rows make no picture
    return Outcome(part.name, part.title, list(tallies.values()), part.verdicts(rates), pictured)


async def _turn(contender: Contender, tally: Tally, seconds: float) -> None:
    await contender.settle()
    roots = contender.roots()
    before, busy = use(roots), machine()
    measured = await contender.round(seconds)
    after, busy = use(roots), machine() - busy
    tally.rounds.append(measured)
    tally.cpu.append(_each(before.cpu, after.cpu, measured.done))
    ours = sum(after.cpu.values()) - sum(before.cpu.values()) + measured.load_cpu
    tally.strangers.append(max(0.0, (busy - ours) / measured.seconds))
    for family, size in after.memory.items():
        tally.memory[family] = max(size, tally.memory.get(family, 0))


def _each(before: Mapping[str, float], after: Mapping[str, float], done: int) -> dict[str, float]:
    return {name: 1000 * (after[name] - before[name]) / max(1, done) for name in after}
