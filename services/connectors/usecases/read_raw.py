"""How messages of the raw streams become deliveries: ours by their headers, a partner's by its stream."""

from collections.abc import Callable

from services.connectors.definitions.channel import Channel, Rules
from services.connectors.store.raw import Stored, partner_delivery, stored_delivery
from services.runtime.received import RawMessage

CurrentRules = Callable[[], Rules]


def read_stored(message: RawMessage, channel: Channel, rules: Rules) -> Stored:
    """The delivery in a message of the stream that a channel's deliveries are in."""
    if channel.transport == "nats":
        return partner_stored(message, channel.settings.text("partner"), rules)
    return stored_delivery(message)


def partner_stored(message: RawMessage, partner: str, rules: Rules) -> Stored:
    """A partner's messages belong to the channel that names the partner, if there is one."""
    channel = rules.by_partner.get(partner)
    if channel is None:
        return partner_delivery(message, partner, "unknown")
    return partner_delivery(message, channel.name, channel.kind.name)
