"""Enter the files of what is published, in the transaction that publishes it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from contracts.contract import Fact
from contracts.interactions import InteractionReceived
from services.connectors.domain.file import Wanted, wanted_of
from services.connectors.store import files
from services.connectors.usecases.identify import Identified

if TYPE_CHECKING:
    from services.runtime.work import Work

Placed = tuple[Wanted, str, int]


def files_in(facts: Iterable[Fact], identified: Iterable[Identified], stream: str, seq: int) -> list[Placed]:
    """The files that facts out of one arrival tell of, with the place of the arrival on the bus."""
    touches = {each.fact.interaction_id: each.place for each in identified}
    found: list[Placed] = []
    for fact in facts:
        touch = touches.get(fact.interaction_id, 0) if isinstance(fact, InteractionReceived) else 0
        found += [(wanted, stream, seq) for wanted in wanted_of(fact, touch)]
    return found


async def want_files(wanted: list[Placed], work: "Work") -> None:
    """Want them, unless they were wanted before: repeats and replays change nothing."""
    if wanted:
        await files.want(work.connection, wanted, work.now)
