"""From the bus to use cases: what the inlets stored, what partners published, what others wish sent."""

import asyncio
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from contracts.sending import SendMessage
from services.connectors.definitions.channel import Rules
from services.connectors.store.raw import STREAM, Stored, stored_delivery
from services.connectors.usecases.outcome import Outcome, outcome_of, waiting
from services.connectors.usecases.read_raw import partner_stored
from services.connectors.usecases.take_deliveries import Arrival, cause_of, take_deliveries
from services.connectors.usecases.take_messages import OtherMessage, take_message
from services.runtime.cause import Cause
from services.runtime.commands import Commands
from services.runtime.definitions import Definitions
from services.runtime.errors import Permanent, Retryable
from services.runtime.facts import Facts, Many
from services.runtime.received import RawMessage, Received, broken
from services.runtime.shared_readers import Varying
from services.runtime.streams import ingress_stream

if TYPE_CHECKING:
    from services.runtime.work import Work

# A channel that the inlet knew may be news to a reader in another process.
_NEWS = timedelta(seconds=30)
_AGAIN = timedelta(seconds=2)
_PATIENCE_SECONDS = 5.0
Reading = Callable[[Received[Stored], Rules], Stored]


def own_reader(definitions: Definitions[Rules], large: asyncio.Event) -> Facts:
    """What the inlets stored. `large` is set when a body waits in the object store."""
    intake = Facts(STREAM, decode=_decode_own, inbox=False)
    intake.raw_many(_handler(definitions, large, lambda one, _rules: one.data))
    return intake


def partner_readers(definitions: Definitions[Rules], known: Collection[str], large: asyncio.Event) -> Varying:
    """What partners publish: the `known` ones and those that the active definitions name."""

    def streams() -> dict[str, str]:
        names = {*known, *definitions.current.by_partner}
        return {ingress_stream(name).name: name for name in sorted(names)}

    def facts(stream: str) -> Facts:
        partner = streams()[stream]

        def read(one: Received[Stored], rules: Rules) -> Stored:
            return partner_stored(one.message, partner, rules)

        each = Facts(stream, decode=_decode_partners, inbox=False)
        each.raw_many(_handler(definitions, large, read))
        return each

    return Varying(streams, facts)


def commands(definitions: Definitions[Rules], wake: Callable[[], None], patience: timedelta) -> Commands:
    """The commands this service takes. `wake` is called when there is something to send."""
    taken = Commands()

    @taken.on(SendMessage)
    async def on_send(wish: Received[SendMessage], work: "Work") -> None:
        rules = await _active(definitions)
        channel = rules.channels.get(wish.data.channel)
        if channel is None and work.now - wish.received_at < _NEWS:
            raise Retryable("the channel is not known here yet", after=_AGAIN)
        try:
            await take_message(work, wish.data, channel, patience)
        except OtherMessage as error:
            raise Permanent(str(error)) from error
        wake()

    return taken


def _decode_own(message: RawMessage) -> Received[object]:
    try:
        return _received(message, stored_delivery(message))
    except (KeyError, ValueError) as error:
        return broken(message, f"no delivery of ours: {type(error).__name__}")


def _decode_partners(message: RawMessage) -> Received[object]:
    return _received(message, None)


def _received(message: RawMessage, stored: Stored | None) -> Received[object]:
    """One message, one key: no delivery ever waits behind another."""
    place = f"{message.stream}:{message.seq}"
    return Received(place, "delivery", place, stored, Cause(place, place), message)


def _handler(definitions: Definitions[Rules], large: asyncio.Event, read: Reading) -> Many:
    async def on_deliveries(messages: list[Received[Stored]], work: "Work") -> None:
        rules = await _active(definitions)
        arrivals = [_arrival(read(one, rules), one.message, rules, work) for one in messages]
        await take_deliveries(arrivals, work)
        if any(one.outcome.verdict == "waiting" for one in arrivals):
            large.set()

    return on_deliveries


def _arrival(stored: Stored, message: RawMessage, rules: Rules, work: "Work") -> Arrival:
    trace = message.headers.get("traceparent") if stored.stream == STREAM else None
    cause = cause_of(stored.delivery.id, stored.stream, stored.seq, trace)
    outcome = _outcome(stored, rules, work)
    return Arrival(outcome, stored.stream, stored.seq, cause, len(stored.delivery.body))


def _outcome(stored: Stored, rules: Rules, work: "Work") -> Outcome:
    delivery = stored.delivery
    channel = rules.channels.get(delivery.channel)
    if channel is None and stored.stream == STREAM and work.now - delivery.received_at < _NEWS:
        raise Retryable("the channel is not known here yet", after=_AGAIN)
    if stored.large:
        return waiting(delivery, channel.guard if channel else None)
    return outcome_of(channel, delivery)


async def _active(definitions: Definitions[Rules]) -> Rules:
    """The active rules. Until they were read for the first time nothing is judged by any others:

    TimeoutError lets the runtime try again.
    """
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await definitions.loaded.wait()
    return definitions.current
