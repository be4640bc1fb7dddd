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
    "equals",
    "kept_address",
    "place_of",
    "time_of",
    "verify",
]
_TWILIO = "header:x-twilio-signature"


def verify(proof: Verification, request: Presented, held: Held) -> None:
    """Raise Refused, with the reason, unless the request proves where it comes from."""
    _from_allowed(proof, request, held)
    if proof.scheme == "none" or (proof.unless and held.settings.flag(proof.unless)):
        return
    if not held.values(proof.secret):
        raise Refused(403, f"the channel is closed: its setting {proof.secret} has no value")
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
        raise Refused(401, f"{_named(place)} is missing")
    if not given.startswith(proof.prefix):
        raise Refused(403, f"{_named(place)} does not begin with {proof.prefix}")
    given = given.removeprefix(proof.prefix)
    if proof.scheme == "shared_secret":
        if not equals(given, held.values(proof.secret)):
            raise Refused(403, f"{_named(place)} does not hold this channel's secret")
        return
    if not _signed(proof, request, held, given):
        raise Refused(403, f"{_named(place)} is no signature of this delivery by this channel's secret")
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
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        raise Refused(401, "the header authorization with user and password is missing")
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Refused(403, "the header authorization is damaged") from None
    known = equals(user, (held.settings.text(proof.user).encode(),))
    if not (equals(password, held.values(proof.secret)) and known):
        raise Refused(403, "user or password is not this channel's")


def _check_time(proof: Verification, request: Presented) -> None:
    """A signature is good for a while only, so that nobody can hand an old delivery over again."""
    place = time_of(proof)
    if not place:
        return
    given = request.value(place) or ""
    try:
        signed_at = datetime.fromtimestamp(int(given) / (1000 if proof.unit == "ms" else 1), UTC)
    except (ValueError, OverflowError, OSError):
        raise Refused(403, f"{_named(place)} is no time") from None
    if abs(request.at - signed_at) > timedelta(seconds=proof.tolerance):
        raise Refused(403, f"{_named(place)} is more than {proof.tolerance} seconds away from now")


def _from_allowed(proof: Verification, request: Presented, held: Held) -> None:
    allowed = held.settings.texts(proof.networks) if proof.networks else ()
    if not allowed:
        return
    try:
        peer = ip_address(request.peer or "")
    except ValueError:
        raise Refused(403, "the sender's network address is not known") from None
    mapped = getattr(peer, "ipv4_mapped", None) or peer
    if not any(mapped in ip_network(one, strict=False) for one in allowed):
        raise Refused(403, f"the sender's network address is not among this channel's {proof.networks}")


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
    return f"the {where} {name}".strip() if name else f"the {where} of the address"
