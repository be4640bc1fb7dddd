"""What became of messages that were handed over, or were not: their receipts, and what is tried again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from services.connectors.definitions.channel import Rules
from services.connectors.domain import own_receipts
from services.connectors.domain.interaction import vendor_id
from services.connectors.domain.own_receipts import About
from services.connectors.domain.sending import InDoubt, Later, Outcome, Refused, Sent
from services.connectors.domain.text import single_line
from services.connectors.store import calls, early, queue, sends
from services.connectors.store.sends import Row
from services.connectors.usecases.take_messages import SENDS
from services.runtime.cause import Cause

if TYPE_CHECKING:
    from services.runtime.work import Work

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 300.0
_LONGEST_WAIT = 86_400.0
_MOST_SWEPT = 100


@dataclass(frozen=True, slots=True)
class Done:
    """An attempt that is over."""

    message_id: UUID
    owner: UUID
    attempt: int
    outcome: Outcome


async def settle_messages(work: "Work", done: Sequence[Done], rules: Rules) -> None:
    """Write the outcomes down. One that comes after we gave it up still counts if it is certain."""
    ids = [one.message_id for one in done]
    # Receipts are entered before messages are held, as whoever reads the vendors' receipts does.
    seen = await sends.several(work.connection, ids)
    taken = [
        own_receipts.told_as(_about(seen[one.message_id]), "sent", _external(one.outcome, one.message_id))
        for one in done
        if isinstance(one.outcome, Sent) and one.message_id in seen
    ]
    new = await calls.first_told(work.connection, dict.fromkeys(taken, work.now))
    rows = await sends.lock(work.connection, ids)
    for one in done:
        if row := rows.get(one.message_id):
            await _settle(work, row, one, rules, new)


async def _settle(work: "Work", row: Row, one: Done, rules: Rules, new: set[UUID]) -> None:
    ours = (row.state, row.owner, row.attempts) == ("sending", one.owner, one.attempt)
    match one.outcome:
        case Sent() if row.state not in ("sent", "failed"):
            await _sent(work, row, _external(one.outcome, row.message_id), new)
        case Refused() as no if ours or row.state == "unknown":
            await fail(work, row, no)
        case Later() as later if ours:
            await _put_off(work, row, later)
        case InDoubt(reason) if ours:
            await doubt(work, row, reason, rules)


def _external(sent: Sent, message_id: UUID) -> str:
    return vendor_id(sent.external_id) or str(message_id)


async def _sent(work: "Work", row: Row, external_id: str, new: set[UUID]) -> None:
    about = _about(row)
    await queue.settle(work.connection, row.message_id, "sent", work.now, external_id=external_id)
    SENDS.labels(row.channel, "sent").inc()
    _note(work, row, "was handed over", external_id)
    receipt_id = own_receipts.told_as(about, "sent", external_id)
    if receipt_id not in new:
        # The vendor told it before us: it waits, or went out when nobody knew whose it was.
        if await early.waits(work.connection, receipt_id):
            return
        receipt_id = own_receipts.own(about, "sent")
    work.emit(own_receipts.sent(about, external_id, receipt_id, work.now), cause=_cause(row, "sent"))


async def fail(work: "Work", row: Row, no: Refused) -> None:
    """It will not go."""
    code, reason = single_line(no.code, 100), single_line(no.reason)
    await queue.settle(work.connection, row.message_id, "failed", work.now, code=code, reason=reason)
    work.emit(own_receipts.failed(_about(row), code, reason, work.now), cause=_cause(row, "failed"))
    SENDS.labels(row.channel, "failed").inc()
    _note(work, row, f"failed ({code}): {reason}")


async def leave_open(work: "Work", row: Row, reason: str) -> None:
    """It may have gone: that is said, and it is not sent again."""
    reason = single_line(reason)
    await queue.settle(work.connection, row.message_id, "unknown", work.now, reason=reason)
    work.emit(own_receipts.unknown(_about(row), reason, work.now), cause=_cause(row, "unknown"))
    SENDS.labels(row.channel, "unknown").inc()
    _note(work, row, f"is open, and it is not sent again: {reason}")


async def _put_off(work: "Work", row: Row, later: Later) -> None:
    seconds = min(later.after, _LONGEST_WAIT) if later.after > 0 else _pause(row)
    reason = single_line(later.reason)
    until = work.now + timedelta(seconds=seconds)
    await queue.put_off(work.connection, row.message_id, until, reason)
    if later.whole:
        await queue.pause(work.connection, row.channel, seconds)
    SENDS.labels(row.channel, "later").inc()
    _note(work, row, f"is tried again in {seconds:.0f} s: {reason}")


async def doubt(work: "Work", row: Row, reason: str, rules: Rules) -> None:
    """It may have gone: once more if its vendor knows a message again by its id, else left open."""
    channel = rules.channels.get(row.channel)
    sending = channel.kind.manifest.sending if channel else None
    pause = timedelta(seconds=_pause(row))
    known_again = timedelta(seconds=sending.repeatable if sending else 0)
    if row.first_at is None or work.now + pause > row.first_at + known_again:
        await leave_open(work, row, reason)
        return
    reason = single_line(reason)
    await queue.put_off(work.connection, row.message_id, work.now + pause, reason, in_doubt=True)
    SENDS.labels(row.channel, "repeated").inc()
    _note(work, row, f"may have gone, and is sent once more under its id: {reason}")


async def sweep_messages(work: "Work", own: Collection[UUID], rules: Rules) -> int:
    """Deal with messages whose sender went silent, and those whose time is over; how many."""
    silent = await queue.abandoned(work.connection, work.now, own, _MOST_SWEPT)
    for row in silent:
        await doubt(work, row, "whoever was sending it stopped before it was known", rules)
    late = await queue.expired(work.connection, work.now, _MOST_SWEPT)
    for row in late:
        if row.in_doubt:
            await leave_open(work, row, row.reason)
        else:
            told = f": {row.reason}" if row.reason else ""
            await fail(work, row, Refused("too_late", f"it could not leave before its time was over{told}"))
    return len(silent) + len(late)


def _pause(row: Row) -> float:
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(row.attempts - 1, 10))


def _about(row: Row) -> About:
    return About(row.message_id, row.channel, row.kind, row.address)


def _cause(row: Row, state: str) -> Cause:
    return Cause(f"send:{row.message_id}:{row.attempts}:{state}", row.correlation, row.traceparent)


def _note(work: "Work", row: Row, did: str, *names: str) -> None:
    cause = _cause(row, "noted")
    work.note(f"a message for {row.channel} {did}", names=[row.message_id, *names], cause=cause)
