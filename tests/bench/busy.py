"""Taking forms over HTTP while everything behind the inlet works off what came in, on the same machine."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from tests.bench.contender import Contender, Stage
from tests.bench.intake import MINIMUM, minimum, own_row
from tests.e2e.apart import apart

OWN = "own processes, readers at work"


class Busy:
    """The part. Nothing settles between rounds: the minimum has the same busy machine."""

    name = "busy"
    title = "Intake while the readers work"

    @asynccontextmanager
    async def contenders(self, stage: Stage) -> AsyncIterator[Sequence[Contender]]:
        async with AsyncExitStack() as stack:
            here = await stack.enter_async_context(apart(stage.engines, stage.folder))
            _, least, *_ = await stack.enter_async_context(minimum(stage))
            yield [own_row(OWN, stage, here), least]

    def verdicts(self, rates: Mapping[str, float]) -> Sequence[str]:
        return [
            f"For comparison: intake beside its readers / the minimum is {rates[OWN] / rates[MINIMUM]:.2f}"
        ]


PART = Busy()
