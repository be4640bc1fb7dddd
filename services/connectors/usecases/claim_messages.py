"""Claim messages of one channel: in order for each address, no faster than its vendor allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from services.connectors.catalog.sending import Sending
from services.connectors.definitions.channel import Channel
from services.connectors.domain.addresses import same
from services.connectors.domain.sending import Outgoing, Refused
from services.connectors.sending.fit import unable, unfit
from services.connectors.store import heard, queue
from services.connectors.store.queue import Pace, Slots
from services.connectors.store.sends import Row
from services.connectors.usecases.settle_messages import fail, leave_open

if TYPE_CHECKING:
    from services.runtime.work import Work

# Claimed this long before they may leave: then each goes at its own moment, not when somebody looks.
AHEAD = timedelta(seconds=0.5)
_MOST_FAILED = 100


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message in our hands; it may leave in `wait` seconds. `attempt` counts from 1."""

    message: Outgoing
    message_id: UUID
    channel: Channel
    owner: UUID
    attempt: int
    wait: float


async def claim_messages(
    work: "Work", name: str, channel: Channel | None, owner: UUID, most: int, lease: timedelta
) -> list[Claimed]:
    """At most so many, marked as sending. Those that cannot go any more are settled on the way."""
    slots = await queue.hold(work.connection, name)
    if slots is None:
        return []
    no = unable(channel)
    if no is not None or channel is None or channel.kind.manifest.sending is None:
        await _fail_all(work, name, slots, no or Refused("cannot_send", "it only receives"))
        return []
    sending = channel.kind.manifest.sending
    pace = _pace(sending)
    room = int((slots.now + AHEAD - slots.free_at) / pace.between) + 1
    if slots.free_at > slots.now + AHEAD:
        return []
    rows = await queue.due(work.connection, name, work.now, slots, pace, min(most, room))
    going = await _still_fit(work, channel, rows)
    starts = [(row.message_id, slots.free_at + place * pace.between) for place, row in enumerate(going)]
    if starts:
        await queue.begin(work.connection, starts, owner, work.now, lease)
        await queue.take_until(work.connection, name, starts[-1][1] + pace.between)
    waits = [(at - slots.now).total_seconds() for _, at in starts]
    return [_claimed(row, channel, owner, wait) for row, wait in zip(going, waits, strict=True)]


def _pace(sending: Sending) -> Pace:
    return Pace(timedelta(seconds=sending.between), timedelta(seconds=sending.between_to_one))


def _claimed(row: Row, channel: Channel, owner: UUID, wait: float) -> Claimed:
    message = Outgoing(str(row.message_id), row.address, row.body, row.reply_to)
    return Claimed(message, row.message_id, channel, owner, row.attempts + 1, wait)


async def _still_fit(work: "Work", channel: Channel, rows: Sequence[Row]) -> list[Row]:
    """Those that may go now. The definition of their channel may have changed, a window have closed."""
    sending = channel.kind.manifest.sending
    assert sending is not None
    open_to = await _written_lately(work, channel.name, sending, rows) if sending.window_hours else None
    fit: list[Row] = []
    for row in rows:
        if row.in_doubt and _past_repeating(row, sending, work):
            await leave_open(work, row, "it may have gone, and the vendor would no longer know it again")
        elif no := unfit(channel, row.body):
            await fail(work, row, no)
        elif open_to is not None and row.address not in open_to:
            await fail(work, row, _window_closed(sending))
        else:
            fit.append(row)
    return fit


async def _written_lately(work: "Work", channel: str, sending: Sending, rows: Sequence[Row]) -> set[str]:
    """The addresses whose window is open."""
    since = work.now - timedelta(hours=sending.window_hours)
    spelled = {form for row in rows for form in same(row.address)}
    known = await heard.last(work.connection, channel, spelled)
    late = {address for address, at in known.items() if at > since}
    return {row.address for row in rows if not late.isdisjoint(same(row.address))}


def _past_repeating(row: Row, sending: Sending, work: "Work") -> bool:
    return row.first_at is not None and work.now > row.first_at + timedelta(seconds=sending.repeatable)


def _window_closed(sending: Sending) -> Refused:
    return Refused(
        "window_closed",
        f"the vendor lets us write within {sending.window_hours} hours after the person's last message:"
        " wait until they write, or reach them another way",
    )


async def _fail_all(work: "Work", name: str, slots: Slots, no: Refused) -> None:
    """Nothing goes through this channel any more."""
    rows = await queue.due(
        work.connection, name, work.now, slots, Pace(timedelta(0), timedelta(0)), _MOST_FAILED
    )
    for row in rows:
        await fail(work, row, no)
