"""What competes in a bench: how one is run for a round, and what a round tells."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.support.faults import PrivateEngines


@dataclass(frozen=True)
class Measured:
    """One round. `latencies` are seconds each; `instants` are seconds from the begin to each end.

    `load_cpu` are the CPU seconds of what made the load, which count for nobody.
    """

    done: int
    seconds: float
    latencies: Sequence[float] = ()
    instants: Sequence[float] = ()
    failed: int = 0
    load_cpu: float = 0.0

    @property
    def rate(self) -> float:
        """How many a second."""
        return self.done / self.seconds if self.seconds else 0.0


class Contender(Protocol):
    """One row of the table. It is up and warm, and idle between its rounds."""

    @property
    def name(self) -> str:
        """What the row is called, such as `own processes`."""
        ...

    @property
    def counts(self) -> str:
        """What is counted, in the plural: `forms`, `mails`."""
        ...

    @property
    def against(self) -> Sequence[str]:
        """The rows of the same part by whose rate this one's is divided, the one that matters first."""
        ...

    def roots(self) -> Mapping[str, Sequence[int]]:
        """Process ids by family (`services`, `nats`, `postgres`); descendants count with them.

        A process below two of them counts for the family named first.
        """
        ...

    async def round(self, seconds: float) -> Measured:
        """Work for about so long, to the end of what was begun."""
        ...

    async def settle(self) -> None:
        """Wait until nothing that a round began is still under way; nothing is measured meanwhile."""
        ...


@dataclass(frozen=True)
class Stage:
    """What every part stands on: engines of its own, which sync as they do in production."""

    engines: PrivateEngines
    folder: Path
    concurrency: int = 64
    options: Mapping[str, str] = field(default_factory=dict)


class Part(Protocol):
    """A group of contenders that take turns: `PART` of the module that `tests.bench.parts` names."""

    @property
    def name(self) -> str:
        """What ARGS call it."""
        ...

    @property
    def title(self) -> str:
        """The heading of its table."""
        ...

    def contenders(self, stage: Stage) -> AbstractAsyncContextManager[Sequence[Contender]]:
        """Bring all of them up; gone afterwards with everything they started."""
        ...

    def verdicts(self, rates: Mapping[str, float]) -> Sequence[str]:
        """What must hold, in words with figures, `met` or `MISSED` first; from each row's median rate."""
        ...
