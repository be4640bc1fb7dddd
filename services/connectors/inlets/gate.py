"""What every request goes through: is it a handshake, does it prove itself, what of it is kept. Pure."""

import hashlib
from collections.abc import Iterable

from services.connectors.catalog.manifest import Reply
from services.connectors.definitions.channel import Channel
from services.connectors.domain import Delivery, delivery_id
from services.connectors.errors import Refused
from services.connectors.verify import Presented, closed, equals, kept_address, verify
from services.connectors.verify.keeping import kept_body

_ANY = "*"
# By this header an OPTIONS request is a browser's question (WHATWG Fetch, CORS preflight).
_PREFLIGHT = "access-control-request-method"
# A body above this is no handshake.
_LARGEST_HANDSHAKE = 256 * 1024


def admit(channel: Channel, request: Presented) -> Reply | None:
    """The reply that is due instead of the usual answer, if one is. Raises Refused.

    A reply that is not `store` is all that becomes of the request.
    """
    manifest = channel.kind.manifest
    reply = next((one for one in manifest.replies if _meant(one, channel, request)), None)
    if reply is None and request.method not in manifest.methods:
        raise not_taken(manifest.methods)
    if reply is not None:
        _prove(reply, channel, request)
    if reply is None or reply.store or reply.verified:
        verify(manifest.verification, request, channel.held)
    return reply


def not_taken(methods: Iterable[str]) -> Refused:
    """The refusal of another method than these."""
    told = ", ".join(methods)
    return Refused(405, f"This inlet takes {told} only.", field="method", remedy=f"Use {told}.")


def _meant(reply: Reply, channel: Channel, request: Presented) -> bool:
    if request.method != reply.method:
        return False
    held = channel.held
    for location, template in reply.when.items():
        wanted = template if template == _ANY else request.render(template, held).decode()
        if location.startswith("field:"):
            # Nearly every delivery is none of these: it is not worth reading.
            if len(request.body) > _LARGEST_HANDSHAKE:
                return False
            if wanted != _ANY and wanted.isascii() and wanted.encode() not in request.body:
                return False
        value = request.value(location)
        if not value or wanted not in (_ANY, value):
            return False
    return True


def _prove(reply: Reply, channel: Channel, request: Presented) -> None:
    for location, name in reply.proof.items():
        values = channel.held.values(name)
        if not values:
            raise closed(name)
        if not equals(request.value(location) or "", values):
            reason = f"{location} does not hold this channel's {name}"
            raise Refused(403, reason, field=location, remedy=f"Enter the channel's {name} at the sender.")


def opening(channel: Channel, request: Presented) -> Reply | None:
    """The reply to an OPTIONS request that is a handshake of the kind, not a browser's question."""
    manifest = channel.kind.manifest
    if _PREFLIGHT in request.headers or request.method not in manifest.asked:
        return None
    reply = next((one for one in manifest.replies if _meant(one, channel, request)), None)
    if reply is not None:
        _prove(reply, channel, request)
        if reply.verified:
            verify(manifest.verification, request, channel.held)
    return reply


def delivery_of(channel: Channel, request: Presented) -> Delivery:
    """What is kept of a request: no header that the kind does not ask for, and no secret."""
    path, query = kept_address(channel.kind.manifest.verification, request)
    told = [request.value(place) or "" for place in channel.kind.manifest.distinct]
    if not request.body:  # then the address is all that it says
        told += [path, query]
    body = kept_body(channel.kind.manifest.verification, request)
    salt = _hash("\n".join(told)) if any(told) else ""
    return Delivery(
        channel.name,
        channel.kind.name,
        body,
        request.at,
        {name: request.headers[name] for name in channel.kept_headers if name in request.headers},
        query,
        request.method,
        known_id=delivery_id(channel.name, body, salt),
        path=path,
        salt=salt,
    )


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
