"""Release what a guard set aside: parse it now, and publish it as if it had just been taken in."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import structlog

from services.connectors.definitions.channel import Channel, Rules
from services.connectors.errors import Gone
from services.connectors.store import deliveries
from services.connectors.store.raw import large_body, message_at
from services.connectors.usecases.outcome import outcome_of
from services.connectors.usecases.parse_again import parse_again
from services.connectors.usecases.read_raw import read_stored
from services.connectors.usecases.take_deliveries import Arrival, cause_of

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()
_PAGE = 200


@dataclass(slots=True)
class Released:
    """What a release did. `missing` counts deliveries whose bytes are no longer kept."""

    released: int = 0
    published: int = 0
    failed: int = 0
    missing: int = 0

    def plain(self) -> dict[str, int]:
        """JSON-ready data."""
        return asdict(self)


async def release(host: "Host", rules: Rules, channel: Channel, delivery_id: str | None = None) -> Released:
    """Release one delivery of a channel, or all that are set aside now. Raises NotStored.

    One that is not set aside (any more) is left as it is, so that nothing is published twice.
    """
    done = Released()
    if delivery_id is not None:
        await _release(host, rules, channel, delivery_id, done)
    else:
        async for one in _set_aside(host, channel):
            await _release(host, rules, channel, one, done)
    log.info("channel.released", channel=channel.name, **done.plain())
    return done


async def _set_aside(host: "Host", channel: Channel) -> AsyncIterator[str]:
    after = ""
    while True:
        async with host.database.pool.acquire() as connection:
            ids = await deliveries.quarantined(connection, channel.name, after, _PAGE)
        for one in ids:
            yield one
        if len(ids) < _PAGE:
            return
        after = ids[-1]


async def _release(host: "Host", rules: Rules, channel: Channel, delivery_id: str, done: Released) -> None:
    async with host.database.pool.acquire() as connection:
        row = await deliveries.read(connection, delivery_id)
    if row is None or row.channel != channel.name or row.verdict != "quarantined":
        return
    try:
        stored = read_stored(await message_at(host.bus, row.stream, row.first_seq), channel, rules)
        delivery = stored.delivery
        if stored.large:
            delivery = replace(delivery, body=await large_body(host.bus, delivery))
    except Gone:
        done.missing += 1
        return
    cause = cause_of(delivery.id, row.stream, row.first_seq)
    outcome = outcome_of(channel, delivery)
    arrival = Arrival(outcome, row.stream, row.first_seq, cause, len(delivery.body))
    async with host.work(cause) as work:
        published = await parse_again(arrival, work, revises=False, releases=True)
    if published is not None:
        done.released += 1
        done.published += published
        done.failed += outcome.verdict == "failed"
