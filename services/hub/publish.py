"""Handing a delivery over as its channel would: for operators, when a vendor cannot send it again."""

from dataclasses import dataclass
from datetime import datetime

from services.connectors.definitions import compile
from services.connectors.definitions.channel import Channel
from services.connectors.domain import Delivery
from services.connectors.store.raw import store
from services.hub.definitions import active
from services.hub.definitions.findings import suggestion
from services.runtime.bus import Bus
from services.runtime.streams import ingress_stream

_DEADLINE_SECONDS = 10.0


class ChannelUnknown(Exception):
    """The active definitions have no such channel; `remedy` names the nearest."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f'there is no channel "{name}"')
        self.remedy = suggestion(name, known, otherwise="leadwire apply a folder that has it.")


@dataclass(frozen=True)
class Handed:
    """A delivery to publish. Without a content type it is what the kind's own example is."""

    channel: str
    body: bytes
    content_type: str | None = None


async def publish(bus: Bus, handed: Handed, now: datetime) -> str:
    """Store it where its channel's reader finds it; its delivery id.

    The operator stands for what the channel would have verified. Raises ChannelUnknown, NotStored,
    BusUnavailable, PublishRefused.
    """
    channel = await _channel(bus, handed.channel)
    manifest = channel.kind.manifest
    if manifest.transport == "nats":
        partner = channel.settings.text("partner")
        delivery = Delivery(channel.name, channel.kind.name, handed.body, now)
        await bus.publish(ingress_stream(partner).name, f"ingress.{partner}", handed.body)
        return delivery.id
    delivery = Delivery(channel.name, channel.kind.name, handed.body, now, _headers(channel, handed))
    await store(bus, delivery, _DEADLINE_SECONDS)
    return delivery.id


async def _channel(bus: Bus, name: str) -> Channel:
    now = await active.active(bus)
    parts = await active.parts_of(bus, now.version) if now else None
    channels = compile((parts or {}).get("connectors", {})).channels
    if name not in channels:
        raise ChannelUnknown(name, sorted(channels))
    return channels[name]


def _headers(channel: Channel, handed: Handed) -> dict[str, str]:
    headers = {"content-type": handed.content_type or channel.kind.manifest.example_type}
    if channel.transport == "smtp":
        # No envelope sender: an empty one would mean a bounce.
        headers["rcpt-to"] = channel.settings.texts("addresses")[0]
    return headers
