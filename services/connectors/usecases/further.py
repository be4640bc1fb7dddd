"""What deliveries say beside touches: calls, receipts, changes. Each fact of these is told once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from contracts.contract import Fact
from contracts.interactions import InteractionChanged, InteractionReceived
from services.connectors.domain import CallPart, Delivery
from services.connectors.domain.call import Call, call_id, call_name, facts_of, fold
from services.connectors.store import calls, interactions
from services.connectors.store.calls import CallRow
from services.connectors.usecases.hear import hear
from services.connectors.usecases.identify import Identified
from services.connectors.usecases.outcome import Outcome, Told
from services.connectors.usecases.tie_receipts import Receipts, receipts_in

if TYPE_CHECKING:
    from services.runtime.database import Connection

# A call's interaction is of no place in a delivery: it is made of many.
_NO_PLACE = -1


class Further:
    """The calls and facts that some outcomes touch, locked; fold them in order, then `keep` them."""

    def __init__(self, known: dict[UUID, Call], new: set[UUID], receipts: Receipts) -> None:
        self._calls = known
        self._new = new
        self._receipts = receipts
        self._touched: dict[UUID, CallRow] = {}
        self._interactions: list[Identified] = []

    @classmethod
    async def of(cls, connection: "Connection", outcomes: Sequence[Outcome]) -> "Further":
        """What is known of everything that these outcomes speak of."""
        ids: dict[UUID, datetime] = {}
        for outcome in outcomes:
            ids |= {fact_id(fact): outcome.delivery.received_at for fact in outcome.told}
        new = await calls.first_told(connection, ids)
        receipts = await receipts_in(connection, outcomes, new)
        await hear(connection, outcomes)
        fresh = [
            _row(outcome.delivery, Call(call_name(part.call)))
            for outcome in outcomes
            for part in outcome.calls
        ]
        return cls(await calls.lock(connection, fresh), new, receipts)

    def facts(self, outcome: Outcome) -> list[Fact]:
        """What this outcome makes known, in its order."""
        facts: list[Fact] = []
        for told in outcome.told:
            if fact_id(told) in self._new:
                self._new.discard(fact_id(told))
                facts += self._receipts.of(told)
        for part in outcome.calls:
            facts += self._fold(outcome.delivery, part)
        return facts

    def _fold(self, delivery: Delivery, part: CallPart) -> Iterator[Fact]:
        known = call_id(delivery, part.call)
        call, facts = told_of(self._calls[known], part, delivery)
        self._calls[known] = call
        self._touched[known] = _row(delivery, call)
        for fact in facts:
            if isinstance(fact, InteractionReceived):
                self._interactions.append(Identified(fact, _NO_PLACE, None))
        yield from facts

    async def keep(self, connection: "Connection") -> None:
        """Write how far everything is now."""
        await calls.save(connection, self._touched.values())
        await self._receipts.keep(connection)
        await interactions.insert(connection, (each.row() for each in self._interactions))


def told_of(call: Call, part: CallPart, delivery: Delivery) -> tuple[Call, list[Fact]]:
    """The call with one more part, and the facts that are news by it."""
    call = fold(call, part, delivery.received_at)
    news = [(name, fact) for name, fact in facts_of(call, delivery) if name not in call.published]
    published = call.published | {name for name, _ in news}
    return replace(call, published=published), [fact for _, fact in news]


def fact_id(fact: Told) -> UUID:
    """The id that a fact told once has for ever."""
    return fact.change_id if isinstance(fact, InteractionChanged) else fact.receipt_id


def further_names(outcome: Outcome) -> list[UUID | str]:
    """The ids under which people may look for these facts."""
    names: list[UUID | str] = [told.external_id for told in outcome.told]
    for part in outcome.calls:
        names += [call_id(outcome.delivery, part.call), call_name(part.call)]
    return list(dict.fromkeys(names))


def _row(delivery: Delivery, call: Call) -> CallRow:
    known = call_id(delivery, call.external_id)
    return CallRow(known, delivery.channel, delivery.kind, call, delivery.received_at)
