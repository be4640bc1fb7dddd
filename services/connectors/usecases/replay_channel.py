"""Replay a channel: read its kept deliveries from the bus again and parse them as we parse today."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from services.connectors.definitions.channel import Channel, Rules
from services.connectors.errors import Gone
from services.connectors.store import deliveries
from services.connectors.store.raw import Stored, large_body
from services.connectors.usecases.outcome import outcome_of
from services.connectors.usecases.parse_again import parse_again
from services.connectors.usecases.read_raw import read_stored
from services.connectors.usecases.take_deliveries import Arrival, cause_of
from services.runtime.feed import Feed, stream_state
from services.runtime.received import RawMessage

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()
# A stream that says nothing for this long has nothing more up to the wanted sequence.
_PATIENCE = 2.0


@dataclass(slots=True)
class Replayed:
    """What a replay did. `missing` counts large bodies that are no longer kept."""

    read: int = 0
    parsed: int = 0
    published: int = 0
    still_failed: int = 0
    missing: int = 0

    def plain(self) -> dict[str, int]:
        """JSON-ready data."""
        return asdict(self)


async def replay_channel(
    host: "Host", rules: Rules, channel: Channel, since: datetime, only_failed: bool
) -> Replayed:
    """Parse again what `channel` received since a time. Running it twice changes nothing more."""
    done = Replayed()
    fixed: set[str] = set()
    async with host.database.pool.acquire() as connection:
        spans = await deliveries.spans(connection, channel.name, since, only_failed)
    for stream, first, last in spans:
        async for message in _messages(host, stream, first, last):
            stored = read_stored(message, channel, rules)
            if stored.delivery.channel == channel.name:
                done.read += 1
                await _replay(host, channel, stored, only_failed, fixed, done)
    log.info("channel.replayed", channel=channel.name, **done.plain())
    return done


async def _messages(host: "Host", stream: str, first: int, last: int) -> AsyncIterator[RawMessage]:
    """The messages of a stream from one sequence to another."""
    last = min(last, (await stream_state(host.bus, stream)).last_seq)
    feed = await Feed.open(host.bus, stream, first)
    try:
        while batch := await feed.next(_PATIENCE):
            for message in batch:
                if message.seq <= last:
                    yield message
            if batch[-1].seq >= last:
                return
    finally:
        await feed.close()


async def _replay(
    host: "Host", channel: Channel, stored: Stored, only_failed: bool, fixed: set[str], done: Replayed
) -> None:
    delivery = stored.delivery
    if only_failed and delivery.id not in fixed and not await _failed(host, delivery.id):
        return
    if stored.large:
        try:
            delivery = replace(delivery, body=await large_body(host.bus, delivery))
        except Gone:
            done.missing += 1
            return
    outcome = outcome_of(channel, delivery)
    cause = cause_of(delivery.id, stored.stream, stored.seq)
    arrival = Arrival(outcome, stored.stream, stored.seq, cause, len(delivery.body))
    async with host.work(cause) as work:
        published = await parse_again(arrival, work)
    if published is not None:
        fixed.add(delivery.id)
        done.parsed += 1
        done.published += published
        done.still_failed += outcome.verdict == "failed"


async def _failed(host: "Host", delivery_id: str) -> bool:
    async with host.database.pool.acquire() as connection:
        row = await deliveries.read(connection, delivery_id)
    return row is not None and row.verdict == "failed"
