"""Fetch the bodies that were too large for the stream, outside any transaction, and parse them."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from services.connectors.definitions.channel import Rules
from services.connectors.domain import Delivery
from services.connectors.errors import Gone
from services.connectors.store import deliveries
from services.connectors.store.deliveries import Row
from services.connectors.store.raw import large_body, message_at, stored_delivery
from services.connectors.usecases.outcome import Outcome, failed, outcome_of
from services.connectors.usecases.parse_again import parse_again
from services.connectors.usecases.take_deliveries import Arrival, cause_of

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()


async def fetch_bodies(host: "Host", rules: Callable[[], Rules]) -> int:
    """Deal with every delivery whose body is waiting; how many those were. Raises NotStored."""
    async with host.database.pool.acquire() as connection:
        rows = await deliveries.waiting(connection)
    for row in rows:
        await _fetch(host, rules(), row)
    return len(rows)


async def _fetch(host: "Host", rules: Rules, row: Row) -> None:
    outcome = await _outcome(host, rules, row)
    cause = cause_of(row.id, row.stream, row.first_seq)
    size = len(outcome.delivery.body) or row.size
    async with host.work(cause) as work:
        arrival = Arrival(outcome, row.stream, row.first_seq, cause, size)
        await parse_again(arrival, work, revises=False)


async def _outcome(host: "Host", rules: Rules, row: Row) -> Outcome:
    """What the whole delivery comes to; failed when its bytes are no longer kept."""
    delivery = Delivery(row.channel, row.kind, b"", row.first_received_at, known_id=row.id)
    try:
        delivery = stored_delivery(await message_at(host.bus, row.stream, row.first_seq)).delivery
        delivery = replace(delivery, body=await large_body(host.bus, delivery))
    except Gone as gone:
        return failed(delivery, str(gone))
    return outcome_of(rules.channels.get(delivery.channel), delivery)
