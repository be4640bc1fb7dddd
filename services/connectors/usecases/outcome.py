"""What one delivery comes to: facts ready to publish, or a verdict with a reason for people."""

from dataclasses import dataclass, replace

from pydantic import ValidationError

from contracts.interactions import InteractionChanged, InteractionReceived
from services.connectors.definitions.channel import Channel
from services.connectors.domain import (
    UNKNOWN,
    CallPart,
    Change,
    Delivery,
    Parsed,
    Receipt,
    Touch,
    Verdict,
    change,
    interaction,
    own_id,
    receipt,
)
from services.connectors.domain.aftermath import ReceiptFact
from services.connectors.domain.guard import Guard
from services.connectors.errors import Unreadable
from services.connectors.reading.wrong import wrong
from services.connectors.usecases.guarding import why_caught

Told = InteractionChanged | ReceiptFact


@dataclass(frozen=True, slots=True)
class Found:
    """One interaction in a delivery. With `content` it is known by that for ten minutes."""

    fact: InteractionReceived
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on a delivery and what was found in it, each in its order.

    `told` are facts that have one id for ever, `calls` what it says of calls. `caught` is why the
    channel's guard would set it aside, by what it holds alone; whether it does is not decided here.
    """

    delivery: Delivery
    verdict: Verdict
    reason: str = ""
    event: str = UNKNOWN
    found: tuple[Found, ...] = ()
    told: tuple[Told, ...] = ()
    calls: tuple[CallPart, ...] = ()
    guard: Guard | None = None
    caught: str = ""

    def quarantined(self, reason: str) -> "Outcome":
        """Kept and visible, and nothing made of it until somebody releases it."""
        return Outcome(self.delivery, "quarantined", reason, self.event, guard=self.guard, caught=reason)

    def guarded(self) -> "Outcome":
        """As it is where nothing else is known of the delivery."""
        return self.quarantined(self.caught) if self.caught else self


def outcome_of(channel: Channel | None, delivery: Delivery) -> Outcome:
    """Parse a delivery. Whatever goes wrong is a verdict: one delivery never stops another."""
    if channel is None:
        return failed(delivery, "no channel of this name is defined: define it, then replay")
    kind = channel.kind.name
    if kind != delivery.kind:
        return failed(delivery, f"the channel is of kind {kind} now, it was {delivery.kind} then")
    try:
        parsed = channel.kind.parse(delivery, channel.settings)
        # Vendors invent events; metrics and lists show those a manifest names.
        event = parsed.event if parsed.event in channel.kind.manifest.events else UNKNOWN
        outcome = made(delivery, parsed, event)
        return outcome if channel.guard is None else _looked_at(outcome, channel.guard)
    except Unreadable as error:
        return failed(delivery, str(error))
    except ValidationError as error:
        return failed(delivery, f"the parser of {kind} broke a contract: {wrong(error)}")
    except Exception as error:
        return failed(delivery, f"the parser of {kind} failed: {type(error).__name__}")


def _looked_at(outcome: Outcome, guard: Guard) -> Outcome:
    if outcome.verdict != "accepted":
        return replace(outcome, guard=guard)
    caught = why_caught(guard, outcome.delivery, [found.fact for found in outcome.found])
    return replace(outcome, guard=guard, caught=caught)


def made(delivery: Delivery, parsed: Parsed, event: str) -> Outcome:
    """The outcome of what a parser made of a delivery. Raises ValidationError when that breaks a contract."""
    found: list[Found] = []
    told: list[Told] = []
    calls: list[CallPart] = []
    for item in parsed.items:
        match item:
            case Touch():
                fact = interaction(delivery, item, own_id(delivery, item, len(found)))
                found.append(Found(fact, None if item.external_id else item.content))
            case Change():
                told.append(change(delivery, item))
            case Receipt():
                told.append(receipt(delivery, item))
            case CallPart():
                calls.append(item)
    return Outcome(delivery, parsed.verdict, parsed.reason, event, tuple(found), tuple(told), tuple(calls))


def failed(delivery: Delivery, reason: str) -> Outcome:
    """Kept and visible; parsed again on replay."""
    return Outcome(delivery, "failed", reason[:500])


def waiting(delivery: Delivery, guard: Guard | None = None) -> Outcome:
    """Its body is in the object store and comes later."""
    return Outcome(delivery, "waiting", "the body is being fetched", guard=guard)
