"""What one delivery comes to: facts ready to publish, or a verdict with a reason for people."""

from dataclasses import dataclass

from pydantic import ValidationError

from contracts.interactions import InteractionReceived
from services.connectors.definitions.channel import Channel
from services.connectors.domain import Delivery, Parsed, Verdict, interaction, own_id
from services.connectors.errors import Unreadable
from services.connectors.reading.wrong import wrong

# Vendors invent events; metrics and lists show those a manifest names.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Found:
    """One interaction in a delivery. With `content` it is known by that for ten minutes."""

    fact: InteractionReceived
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on a delivery and what was found in it, in its order."""

    delivery: Delivery
    verdict: Verdict
    reason: str = ""
    event: str = UNKNOWN
    found: tuple[Found, ...] = ()


def outcome_of(channel: Channel | None, delivery: Delivery) -> Outcome:
    """Parse a delivery. Whatever goes wrong is a verdict: one delivery never stops another."""
    if channel is None:
        return failed(delivery, "no channel of this name is defined: define it, then replay")
    kind = channel.kind.name
    if kind != delivery.kind:
        return failed(delivery, f"the channel is of kind {kind} now, it was {delivery.kind} then")
    try:
        parsed = channel.kind.parse(delivery, channel.settings)
        event = parsed.event if parsed.event in channel.kind.manifest.events else UNKNOWN
        return _made(delivery, parsed, event)
    except Unreadable as error:
        return failed(delivery, str(error))
    except ValidationError as error:
        return failed(delivery, f"the parser of {kind} broke a contract: {wrong(error)}")
    except Exception as error:
        return failed(delivery, f"the parser of {kind} failed: {type(error).__name__}")


def _made(delivery: Delivery, parsed: Parsed, event: str) -> Outcome:
    found = tuple(
        Found(
            interaction(delivery, touch, own_id(delivery, touch, place)),
            None if touch.external_id else touch.content,
        )
        for place, touch in enumerate(parsed.touches)
    )
    return Outcome(delivery, parsed.verdict, parsed.reason, event, found)


def failed(delivery: Delivery, reason: str) -> Outcome:
    """Kept and visible; parsed again on replay."""
    return Outcome(delivery, "failed", reason[:500])


def waiting(delivery: Delivery) -> Outcome:
    """Its body is in the object store and comes later."""
    return Outcome(delivery, "waiting", "the body is being fetched")
