"""Stock verification schemes: each proves, over the raw delivery, who sent it. Every kind uses these."""

import base64
import binascii
import hmac
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from urllib.parse import parse_qsl, urlencode

from services.connectors.errors import Refused
from services.connectors.verify.presented import LOCATION, Held, Presented
from services.connectors.verify.proof import Verification
from services.connectors.verify.signatures import SIGNED, check_signature
from services.connectors.verify.webhooks import SIGNATURE, TIME, check_ecdsa, check_standard

__all__ = [
    "LOCATION",
    "Held",
    "Presented",
    "Verification",
    "closed",
    "equals",
    "kept_address",
    "place_of",
    "time_of",
    "verify",
]
_TWILIO = "header:x-twilio-signature"
# Signatures in one header that are looked at.
_MOST = 10
_SEND = "Send it as the set-up of this kind of channel says (README of the kind)."
_SAME = "Enter the same secret at the sender and in this channel; while it is changed both may be live."
_PROXY = "Add the address to that setting; behind a proxy set LEADWIRE_TRUSTED_PROXIES, too."


def closed(setting: str) -> Refused:
    """The refusal of a channel whose secret has no value."""
    reason = f"the channel is closed: its setting {setting} has no value"
    return Refused(403, reason, remedy="Its operator gives the secret a value where the hub runs.")


def verify(proof: Verification, request: Presented, held: Held) -> None:
    """Raise Refused, with the reason, unless the request proves where it comes from."""
    _from_allowed(proof, request, held)
    if proof.scheme == "none" or (proof.unless and held.settings.flag(proof.unless)):
        return
    if not held.values(proof.secret):
        raise closed(proof.secret)
    if proof.scheme == "basic":
        _check_basic(proof, request, held)
        return
    _check_placed(proof, request, held)


def place_of(proof: Verification) -> str:
    """Where the proof stands."""
    named = {
        "twilio": _TWILIO,
        "standard_webhooks": f"header:{SIGNATURE}",
        "basic": "header:authorization",
    }
    return proof.at or named.get(proof.scheme, "")


def time_of(proof: Verification) -> str:
    """Where the time of signing stands; empty if none is signed."""
    return f"header:{TIME}" if proof.scheme == "standard_webhooks" else proof.times


def _check_placed(proof: Verification, request: Presented, held: Held) -> None:
    place = place_of(proof)
    given = request.value(place)
    if place == "path" and given:
        given = given.partition("/")[0]
    if not given:
        raise Refused(401, f"{_named(place)} is missing", field=place, remedy=_SEND)
    if not given.startswith(proof.prefix):
        reason = f"{_named(place)} does not begin with {proof.prefix}"
        raise Refused(403, reason, field=place, remedy=_SEND)
    if proof.scheme == "shared_secret":
        if not equals(given.removeprefix(proof.prefix), held.values(proof.secret)):
            reason = f"{_named(place)} does not hold this channel's secret"
            raise Refused(403, reason, field=place, remedy=_SAME)
        return
    # A compound header may hold several while a secret is being changed.
    every = request.parts(place) if place != "path" else [given]
    if not any(_signed(proof, request, held, one.removeprefix(proof.prefix)) for one in every[:_MOST]):
        reason = f"{_named(place)} is no signature of this delivery by this channel's secret"
        raise Refused(403, reason, field=place, remedy=_SAME)
    _check_time(proof, request)


def _signed(proof: Verification, request: Presented, held: Held, given: str) -> bool:
    if proof.scheme == "standard_webhooks":
        return check_standard(proof, request, held)
    if proof.scheme == "ecdsa":
        return check_ecdsa(proof, request, held, given)
    return check_signature(SIGNED[proof.scheme], proof, request, held, given)


def equals(given: str, secrets: tuple[bytes, ...]) -> bool:
    """Whether it is a live value of the secret. Takes the same time whichever it is."""
    raw = given.encode("utf-8", "surrogateescape")
    same = [hmac.compare_digest(raw, secret) for secret in secrets]
    return any(same)


def _check_basic(proof: Verification, request: Presented, held: Held) -> None:
    """User and password (RFC 7617)."""
    place = place_of(proof)
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        reason = "the header authorization with user and password is missing"
        raise Refused(401, reason, field=place, remedy=_SEND)
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        reason = "the header authorization is damaged"
        raise Refused(403, reason, field=place, remedy=_SEND) from None
    known = equals(user, (held.settings.text(proof.user).encode(),))
    if not (equals(password, held.values(proof.secret)) and known):
        raise Refused(403, "user or password is not this channel's", field=place, remedy=_SAME)


def _check_time(proof: Verification, request: Presented) -> None:
    """A signature is good for a while only, so that nobody can hand an old delivery over again."""
    place = time_of(proof)
    if not place:
        return
    given = request.value(place) or ""
    try:
        signed_at = datetime.fromtimestamp(int(given) / (1000 if proof.unit == "ms" else 1), UTC)
    except (ValueError, OverflowError, OSError):
        raise Refused(403, f"{_named(place)} is no time", field=place, remedy=_SEND) from None
    if abs(request.at - signed_at) > timedelta(seconds=proof.tolerance):
        reason = f"{_named(place)} is more than {proof.tolerance} seconds away from now"
        remedy = "Sign it anew when it is sent; see that the clocks of both sides are right."
        raise Refused(403, reason, field=place, remedy=remedy)


def _from_allowed(proof: Verification, request: Presented, held: Held) -> None:
    allowed = held.settings.texts(proof.networks) if proof.networks else ()
    if not allowed:
        return
    try:
        peer = ip_address(request.peer or "")
    except ValueError:
        raise Refused(403, "the sender's network address is not known", remedy=_PROXY) from None
    mapped = getattr(peer, "ipv4_mapped", None) or peer
    if not any(mapped in ip_network(one, strict=False) for one in allowed):
        reason = f"the sender's network address is not among this channel's {proof.networks}"
        raise Refused(403, reason, remedy=_PROXY)


def kept_address(proof: Verification, request: Presented) -> tuple[str, str]:
    """Path and query as they may be kept: without the secret."""
    where, _, name = proof.at.partition(":")
    if where == "path":
        return request.path.partition("/")[2], request.query
    if where == "query" and proof.scheme == "shared_secret":
        pairs = parse_qsl(request.query, keep_blank_values=True)
        return request.path, urlencode([pair for pair in pairs if pair[0] != name])
    return request.path, request.query


def _named(location: str) -> str:
    """A location in words."""
    where, _, name = location.partition(":")
    name, _, part = name.partition("#") if where == "header" else (name, "", "")
    named = f"the {where} {name}".strip() if name else f"the {where} of the address"
    return f"the part {part} of {named}" if part else named
