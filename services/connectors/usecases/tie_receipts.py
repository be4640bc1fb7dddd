"""Find the message of ours that a vendor's receipt is of, also when the receipt was faster than we."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from contracts.receipts import ReceiptDelivered, ReceiptFailed, ReceiptRead, ReceiptSent
from services.connectors.catalog.kinds import catalogue
from services.connectors.domain.addresses import same_number
from services.connectors.domain.aftermath import ReceiptFact
from services.connectors.store import early, sends
from services.connectors.store.early import Early
from services.connectors.usecases.outcome import Outcome, Told
from services.runtime.cause import Cause

if TYPE_CHECKING:
    from services.runtime.database import Connection
    from services.runtime.work import Work

# What its sender has not written down by then it never will.
_WAITS_AT_MOST = timedelta(minutes=2)
_MOST = 200
_STEPS: dict[type[ReceiptFact], str] = {
    ReceiptDelivered: "delivered",
    ReceiptRead: "read",
    ReceiptFailed: "failed",
}
_TYPES: dict[str, type[ReceiptFact]] = {
    kind.TYPE: kind for kind in (ReceiptSent, ReceiptDelivered, ReceiptRead, ReceiptFailed)
}


class Receipts:
    """The receipts in some outcomes that are news, and the messages they are of."""

    def __init__(self, ours: dict[UUID, UUID], waiting: dict[UUID, Early]) -> None:
        self._ours = ours
        self._waiting = waiting

    def of(self, told: Told) -> list[Told]:
        """The fact as it is told; none yet if it is a receipt that has to wait for its message."""
        if not isinstance(told, ReceiptFact):
            return [told]
        if told.receipt_id in self._waiting:
            return []
        return [told.model_copy(update={"message_id": self._ours.get(told.receipt_id)})]

    async def keep(self, connection: "Connection") -> None:
        """Write down those that wait."""
        await early.keep(connection, self._waiting.values())


async def receipts_in(connection: "Connection", outcomes: Sequence[Outcome], new: set[UUID]) -> Receipts:
    """Tie the new receipts to messages, and note on those how far they came."""
    found = {
        told.receipt_id: (told, outcome.delivery.received_at)
        for outcome in outcomes
        for told in outcome.told
        if isinstance(told, ReceiptFact) and told.receipt_id in new
    }
    if not found:
        return Receipts({}, {})
    # In this order: a message that is settled in between is found by the second question.
    awaited = await sends.on_the_way(connection, {told.channel for told, _ in found.values()})
    ours = await _ours(connection, [told for told, _ in found.values()])
    await _note(connection, [(told, at) for told, at in found.values() if told.receipt_id in ours], ours)
    waiting = {
        known: _early(told, at)
        for known, (told, at) in found.items()
        if known not in ours and told.channel in awaited
    }
    return Receipts(ours, waiting)


async def release_receipts(work: "Work") -> int:
    """Tell the receipts that waited and whose message is known now, or never will be; how many."""
    held = await early.oldest(work.connection, _MOST)
    if not held:
        return 0
    facts = {one.receipt_id: _TYPES[one.type].model_validate(one.fact) for one in held}
    awaited = await sends.on_the_way(work.connection, {one.channel for one in held})
    ours = await _ours(work.connection, list(facts.values()))
    over = [
        one
        for one in held
        if one.receipt_id in ours or one.channel not in awaited or work.now - one.came_at > _WAITS_AT_MOST
    ]
    told = [(facts[one.receipt_id], one.came_at) for one in over if one.receipt_id in ours]
    await _note(work.connection, told, ours)
    for one in over:
        fact = facts[one.receipt_id].model_copy(update={"message_id": ours.get(one.receipt_id)})
        work.emit(fact, cause=Cause(f"{one.cause}#{one.receipt_id}", one.correlation, one.traceparent))
    await early.release(work.connection, [one.receipt_id for one in over])
    return len(over)


async def _ours(connection: "Connection", receipts: Sequence[ReceiptFact]) -> dict[UUID, UUID]:
    """Receipt to message: by our own id where the vendor gave it back, else by the vendor's."""
    named = {(told.channel, form) for told in receipts for form in _forms(told)}
    known = await sends.of_external(connection, named)
    echoed = {told.message_id for told in receipts if told.message_id}
    rows = await sends.lock(connection, echoed) if echoed else {}
    ours: dict[UUID, UUID] = {}
    for told in receipts:
        row = rows.get(told.message_id) if told.message_id else None
        if row is not None and row.channel == told.channel:
            ours[told.receipt_id] = row.message_id
        for form in reversed(_forms(told)):
            if (told.channel, form) in known:
                ours[told.receipt_id] = known[told.channel, form]
    return ours


def _forms(told: ReceiptFact) -> tuple[str, ...]:
    """The spellings under which a vendor may have told us this id, the likeliest first."""
    kind = catalogue().get(told.kind)
    sending = kind.manifest.sending if kind else None
    return same_number(told.external_id) if sending and sending.numbers else (told.external_id,)


async def _note(
    connection: "Connection", told: Sequence[tuple[ReceiptFact, datetime]], ours: dict[UUID, UUID]
) -> None:
    steps = [(ours[one.receipt_id], _STEPS[type(one)]) for one, _ in told if type(one) in _STEPS]
    if steps:
        await sends.progress(connection, list(dict(steps).items()))
    named: dict[UUID, tuple[str, datetime]] = {}
    for one, at in told:
        if one.message_id is not None:
            named.setdefault(ours[one.receipt_id], (one.external_id, at))
    if named:
        await sends.known_as(connection, named)


def _early(told: ReceiptFact, at: datetime) -> Early:
    cause = told.delivery_id
    plain = told.model_dump(mode="json")
    return Early(told.receipt_id, told.channel, told.TYPE, plain, cause, cause, None, at)
