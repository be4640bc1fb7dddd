"""Who is knocking: a name for a network address that tells no address, and the most that one may send."""

import hashlib
import math
from collections import OrderedDict
from dataclasses import replace
from ipaddress import ip_address, ip_network
from time import monotonic

from starlette.types import Scope

from services.connectors.definitions.channel import Channel
from services.connectors.domain import Delivery
from services.connectors.errors import Refused
from services.connectors.settings import ConnectorsSettings

# More addresses than this at once share what they forget: the oldest begins anew.
_MOST_PEERS = 20_000
_MINUTE = 60.0
# One customer of a provider has a whole network of this size.
_IPV6_PREFIX = 64


def key_of(secret: str) -> bytes:
    """The key of sender names, made of something that only the processes of this service share."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"leadwire-sender").digest()


def sender_of(peer: str | None, delivery: Delivery, key: bytes) -> str:
    """The name of an address in one channel on one day (UTC): nobody can tell it from another's.

    32 hexadecimal digits; empty where the address is not known. Addresses of IPv6 count by network.
    """
    try:
        address = ip_address(peer or "")
    except ValueError:
        return ""
    if address.version == 6:
        address = address.ipv4_mapped or address
    known = str(address)
    if address.version == 6:
        known = str(ip_network((address, _IPV6_PREFIX), strict=False))
    told = f"{delivery.channel}\n{delivery.received_at:%Y-%m-%d}\n{known}"
    return hashlib.blake2b(told.encode(), digest_size=16, key=key).hexdigest()


class Door:
    """What the HTTP inlet of one process knows of those who knock."""

    def __init__(self, settings: ConnectorsSettings) -> None:
        given = settings.sender_key.get_secret_value() or settings.database_url.get_secret_value()
        self._key = key_of(given)
        self._throttle = Throttle(settings.intake_rate) if settings.intake_rate else None

    def admit(self, scope: Scope, channel: Channel) -> None:
        """Let a request in. Raises Refused 429."""
        if self._throttle is not None and scope.get("client"):
            self._throttle.admit(scope["client"][0], channel.name, monotonic())

    def named(self, channel: Channel, delivery: Delivery, peer: str | None) -> Delivery:
        """The delivery with the name of its sender, if the channel's guard counts senders."""
        if channel.guard is None or channel.guard.per_sender is None:
            return delivery
        return replace(delivery, sender=sender_of(peer, delivery, self._key))


class Throttle:
    """A bucket for each address and channel: so many a minute, and as many at once. In memory alone."""

    def __init__(self, per_minute: int, most_peers: int = _MOST_PEERS) -> None:
        self._size = float(per_minute)
        self._most = most_peers
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def admit(self, peer: str | None, channel: str, now: float) -> None:
        """Take one out at `now` (seconds, monotonic). Raises Refused 429 when nothing is left."""
        if not peer:
            return
        key = (channel, peer)
        left, then = self._left.pop(key, (self._size, now))
        left = min(self._size, left + (now - then) * self._size / _MINUTE)
        if left < 1:
            self._left[key] = (left, now)
            seconds = math.ceil((1 - left) * _MINUTE / self._size)
            raise Refused(
                429,
                "Too many deliveries came from this network address.",
                remedy=f"Nothing of this one was kept: hand it over again in {seconds} seconds.",
                after=seconds,
            )
        self._left[key] = (left - 1, now)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
