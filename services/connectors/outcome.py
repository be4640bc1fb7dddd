"""What one delivery comes to: the parser's result, or failed with a reason for people."""

from contracts.contract import Model
from pydantic import ValidationError

from services.connectors.channel import Channel
from services.connectors.domain import Delivery, Parsed
from services.connectors.errors import Unreadable
from services.connectors.reading.wrong import wrong

Outcome = Parsed


def outcome_of(channel: Channel | None, delivery: Delivery) -> Outcome:
    """Parse a delivery. Whatever goes wrong is a verdict: one delivery never stops another."""
    if channel is None:
        return failed("no channel of this name is defined: define it, then replay")
    if channel.kind.name != delivery.kind:
        return failed(f"the channel is of kind {channel.kind.name} now, it was {delivery.kind} then")
    try:
        return channel.kind.parse(delivery, channel.settings)
    except Unreadable as error:
        return failed(str(error))
    except ValidationError as error:
        return failed(f"the parser broke a contract: {wrong(error)}")
    except Exception as error:
        return failed(f"the parser of {channel.kind.name} failed: {type(error).__name__}")


def failed(reason: str) -> Outcome:
    """Kept and visible; parsed again on replay."""
    return Parsed("unknown", "failed", reason=reason[:500])
