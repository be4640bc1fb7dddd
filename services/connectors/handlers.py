"""From raw streams to use cases: what the inlets stored, and what partners published."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from services.connectors.channel import Channel, Rules
from services.connectors.intake import STREAM, Stored, partner_delivery, stored_delivery
from services.connectors.outcome import Outcome, outcome_of, waiting
from services.connectors.usecases.take_deliveries import Arrival, cause_of, take_deliveries
from services.runtime.errors import Retryable
from services.runtime.facts import Facts, Many
from services.runtime.received import Decoder, RawMessage, Received, broken
from services.runtime.streams import ingress_stream
from services.runtime.work import Work

# A channel that the inlet knew may be news to a reader in another process.
_NEWS = timedelta(seconds=30)
_AGAIN = timedelta(seconds=2)
CurrentRules = Callable[[], Rules]


def readers(rules: CurrentRules, partners: tuple[str, ...], large: asyncio.Event) -> list[Facts]:
    """What this service reads. `large` is set when a body waits in the object store."""
    intake = Facts(STREAM, decode=_decoder(stored_delivery), inbox=False)
    intake.raw_many(_handler(rules, large))
    found = [intake]
    for partner in partners:
        facts = Facts(ingress_stream(partner).name, decode=_decoder(reading(rules, partner)), inbox=False)
        facts.raw_many(_handler(rules, large))
        found.append(facts)
    return found


def reading(rules: CurrentRules, partner: str) -> Callable[[RawMessage], Stored]:
    """How a partner's messages are read: by the channel that names the partner, if there is one."""

    def read(message: RawMessage) -> Stored:
        channel = rules().by_partner.get(partner)
        if channel is None:
            return partner_delivery(message, partner, "unknown")
        return partner_delivery(message, channel.name, channel.kind.name)

    return read


def _decoder(read: Callable[[RawMessage], Stored]) -> Decoder:
    """One message, one key: no delivery ever waits behind another."""

    def decode(message: RawMessage) -> Received[object]:
        try:
            stored = read(message)
        except (KeyError, ValueError) as error:
            return broken(message, f"no delivery of ours: {type(error).__name__}")
        place = f"{message.stream}:{message.seq}"
        cause = cause_of(stored.delivery.id, message.stream, message.seq, message.headers.get("traceparent"))
        return Received(place, "delivery", place, stored, cause, message)

    return decode


def _handler(rules: CurrentRules, large: asyncio.Event) -> Many:
    async def on_deliveries(messages: list[Received[Stored]], work: Work) -> None:
        current = rules()
        arrivals = [
            Arrival(_outcome(one.data, current, work), one.stream, one.seq, one.cause, len(one.message.body))
            for one in messages
        ]
        await take_deliveries(arrivals, work)
        if any(one.data.large for one in messages):
            large.set()

    return on_deliveries


def _outcome(stored: Stored, rules: Rules, work: Work) -> Outcome:
    channel: Channel | None = rules.channels.get(stored.delivery.channel)
    if channel is None and stored.stream == STREAM and work.now - stored.delivery.received_at < _NEWS:
        raise Retryable("the channel is not known here yet", after=_AGAIN)
    return waiting(stored.delivery) if stored.large else outcome_of(channel, stored.delivery)
