"""Take deliveries in: keep the verdict on each, publish what is new in them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from prometheus_client import Counter

from contracts.contract import Fact
from services.connectors.store import deliveries, interactions
from services.connectors.store.deliveries import Judged
from services.connectors.usecases.further import Further, further_names
from services.connectors.usecases.hold import hold
from services.connectors.usecases.identify import Identified, contents_around, identify
from services.connectors.usecases.outcome import Outcome
from services.connectors.usecases.want_files import Placed, files_in, want_files
from services.runtime.cause import Cause

if TYPE_CHECKING:
    from services.runtime.work import Work

VERDICTS = Counter(
    "leadwire_deliveries_total",
    "Deliveries read, by verdict and the vendor's event.",
    ["channel", "event", "verdict"],
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One arrival of a delivery in a stream, parsed."""

    outcome: Outcome
    stream: str
    seq: int
    cause: Cause
    size: int

    @property
    def id(self) -> str:
        """The delivery."""
        return self.outcome.delivery.id

    def judged(self) -> Judged:
        """What is kept of it."""
        outcome, delivery = self.outcome, self.outcome.delivery
        return Judged(
            delivery.id,
            delivery.channel,
            delivery.kind,
            self.stream,
            self.seq,
            delivery.received_at,
            self.size,
            outcome.event,
            outcome.verdict,
            outcome.reason,
        )


def cause_of(delivery_id: str, stream: str, seq: int, traceparent: str | None = None) -> Cause:
    """The cause that an arrival is. A delivery is its own enquiry until leads makes one of it."""
    return Cause(f"{delivery_id}@{stream}:{seq}", delivery_id, traceparent)


async def take_deliveries(arrivals: Sequence[Arrival], work: "Work") -> None:
    """Handle arrivals in stream order. A delivery seen before changes its counter and no more."""
    held = await hold([one.outcome for one in arrivals], work)
    arrivals = [replace(one, outcome=outcome) for one, outcome in zip(arrivals, held, strict=True)]
    contents = await contents_around(work.connection, [one.outcome for one in arrivals])
    fresh = await deliveries.record(work.connection, [one.judged() for one in arrivals])
    found = [(one, identify(one.outcome, contents)) for one in arrivals]
    new = await interactions.insert(
        work.connection, (each.row() for _, identified in found for each in identified)
    )
    further = await Further.of(work.connection, [one.outcome for one in arrivals])
    files: list[Placed] = []
    for arrival, identified in found:
        count(arrival.outcome)
        facts: list[Fact] = [each.fact for each in identified if _first(each.fact.interaction_id, new)]
        facts += further.facts(arrival.outcome)
        for fact in facts:
            work.emit(fact, cause=arrival.cause)
        files += files_in(facts, identified, arrival.stream, arrival.seq)
        if arrival.id in fresh or facts:
            fresh.discard(arrival.id)
            note(arrival, identified, len(facts), work)
    await further.keep(work.connection)
    await want_files(files, work)


def _first(interaction_id: UUID, new: set[UUID]) -> bool:
    """Whether it is new; the second time in one set it no longer is."""
    if interaction_id not in new:
        return False
    new.discard(interaction_id)
    return True


def count(outcome: Outcome) -> None:
    """Count a verdict. The vendor's events are few; unknown ones share a label."""
    VERDICTS.labels(outcome.delivery.channel, outcome.event, outcome.verdict).inc()


def note(
    arrival: Arrival, identified: Sequence[Identified], published: int, work: "Work", did: str = "parsed"
) -> None:
    """One line for people: where it came from and what became of it."""
    outcome, delivery = arrival.outcome, arrival.outcome.delivery
    told = f": {outcome.reason}" if outcome.reason else ""
    if outcome.verdict == "accepted":
        told = _summary(outcome, len(identified), published)
    ids = [
        name
        for each in identified
        for name in (each.fact.interaction_id, *_vendor_ids(each.fact.external_id), each.fact.message_id)
    ]
    ids += further_names(outcome)
    work.note(
        f"{did} a {delivery.kind} delivery of {delivery.channel}, received"
        f" {delivery.received_at:%H:%M:%S.%f} UTC: {outcome.verdict}{told}",
        names=[delivery.id, *ids],
        cause=arrival.cause,
        correlation=delivery.id,
    )


def _summary(outcome: Outcome, touches: int, published: int) -> str:
    if not (outcome.told or outcome.calls):
        return f": {published} new of {touches} interactions"
    return f": {published} facts of {touches + len(outcome.told) + len(outcome.calls)} events"


def _vendor_ids(external_id: str | None) -> tuple[str, ...]:
    """The id, and without the source it is unique with: people know only the vendor's own part."""
    if not external_id:
        return ()
    own = external_id.partition(" ")[2]
    return (external_id, own) if own else (external_id,)
