"""Which deliveries are set aside as they come: by what they hold, by how many came, by what they were."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from services.connectors.domain.guard import Rate
from services.connectors.store import counts, deliveries
from services.connectors.store.counts import Span
from services.connectors.usecases.outcome import Outcome

if TYPE_CHECKING:
    from services.runtime.work import Work

# A restart or a long way through the bus may bring what was received a while ago.
_KEPT = timedelta(days=2)
_HELD = ("accepted", "waiting")


async def hold(outcomes: Sequence[Outcome], work: "Work") -> list[Outcome]:
    """The outcomes, in their order, with those set aside that a guard sets aside.

    A delivery is counted when its bytes come for the first time. Where deliveries are counted, what
    was set aside once stays so, however often it comes, until it is released.
    """
    counted = [one for one in outcomes if one.guard and one.guard.counts]
    if not counted:
        return [one.guarded() for one in outcomes]
    known = await deliveries.verdicts(work.connection, [one.delivery.id for one in counted])
    crowded = await _crowded(_first_ones(counted, known), work)
    aside = {known_as: row.reason for known_as, row in known.items() if row.verdict == "quarantined"}
    judged = []
    for one in outcomes:
        known_as = one.delivery.id
        if one.guard and one.verdict in _HELD:
            why = aside.get(known_as) or one.caught or crowded.get(known_as, "")
            if why:
                aside[known_as] = why
                one = one.quarantined(why)
        judged.append(one)
    return judged


def _first_ones(counted: Sequence[Outcome], known: dict[str, deliveries.Known]) -> list[Outcome]:
    """Those never seen before, each once."""
    new: dict[str, Outcome] = {}
    for one in counted:
        if one.delivery.id not in known:
            new.setdefault(one.delivery.id, one)
    return list(new.values())


async def _crowded(new: Sequence[Outcome], work: "Work") -> dict[str, str]:
    """Count them; why each is over a limit of its channel that is."""
    more: dict[Span, int] = {}
    for one in new:
        for span, _, _ in _limits(one):
            more[span] = more.get(span, 0) + 1
    if not more:
        return {}
    seen = await counts.add(work.connection, more, work.now - _KEPT)
    crowded = {}
    for one in new:
        for span, rate, whose in _limits(one):
            seen[span] += 1
            if seen[span] > rate.most:
                crowded[one.delivery.id] = f"more than {rate} came {whose}"
    return crowded


def _limits(one: Outcome) -> Iterator[tuple[Span, Rate, str]]:
    """The limits that a delivery counts towards: where it is counted, the limit, and whose it is."""
    guard, delivery = one.guard, one.delivery
    if guard is None:
        return
    if guard.per_channel:
        span = Span(delivery.channel, "", *guard.per_channel.span(delivery.received_at))
        yield span, guard.per_channel, "to this channel"
    if guard.per_sender and delivery.sender:
        span = Span(delivery.channel, delivery.sender, *guard.per_sender.span(delivery.received_at))
        yield span, guard.per_sender, "from one network address"
