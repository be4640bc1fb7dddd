"""Signatures made with a secret that both sides know. All are compared in constant time."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from services.connectors.errors import Refused
from services.connectors.verify.presented import LOCATION, Held, Presented
from services.connectors.verify.proof import Verification

# Every signature that would do, for one value of the secret.
Signatures = Callable[[Verification, Presented, Held, bytes], list[str]]
_EVENT = "Switch this event off at the vendor, or ask for it to be supported."
_PORTS = {"https": 443, "http": 80}


def encoded(digest: bytes, encoding: str) -> str:
    """A digest as text."""
    if encoding == "hex":
        return digest.hex()
    raw = digest.hex().encode() if encoding == "hex_base64" else digest
    return base64.b64encode(raw).decode()


def by_hmac(proof: Verification, request: Presented, held: Held, secret: bytes) -> list[str]:
    """HMAC (RFC 2104) over the manifest's template."""
    signed = request.render(proof.signs, held)
    return [encoded(hmac.digest(secret, signed, proof.algorithm), proof.encoding)]


def by_digest(proof: Verification, request: Presented, held: Held, secret: bytes) -> list[str]:
    """A plain hash over a template that holds the secret, as Mango Office and SMSC.ru make it."""
    signed = request.render(_template(proof, request), held, secret)
    return [encoded(hashlib.new(proof.algorithm, signed).digest(), proof.encoding)]


def _template(proof: Verification, request: Presented) -> str:
    """The first template whose event this is: known by the value at `by`, or by something being there."""
    if not proof.templates:
        return proof.signs
    event = request.value(proof.by) if proof.by else None
    for key, template in proof.templates.items():
        if request.value(key) if LOCATION.fullmatch(key) else key in ("*", event):
            return template
    raise Refused(403, "it is not known how this event is signed", field=proof.by, remedy=_EVENT)


def by_fields(proof: Verification, request: Presented, held: Held, secret: bytes) -> list[str]:
    """HMAC over decoded fields that depend on the event, as Zadarma makes it."""
    names = proof.fields.get(request.value(proof.by) or "") or proof.fields.get("*")
    if names is None:
        reason = "it is not known which fields of this event are signed"
        raise Refused(403, reason, field=proof.by, remedy=_EVENT)
    signed = "".join(request.value(f"field:{name}") or "" for name in names).encode()
    return [encoded(hmac.digest(secret, signed, proof.algorithm), proof.encoding)]


def by_twilio(proof: Verification, request: Presented, held: Held, secret: bytes) -> list[str]:
    """HMAC-SHA1 over the full address and the sorted form fields.

    Source: twilio-python, request_validator.py. For a JSON body the address holds the body's hash.
    Twilio may or may not name the default port in what it signs.
    """
    fields = ""
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    if "bodySHA256" in query:
        if not hmac.compare_digest(hashlib.sha256(request.body).hexdigest(), query["bodySHA256"].lower()):
            reason = "the body is not the one that was signed"
            raise Refused(403, reason, field="body", remedy="Send the body that its bodySHA256 is of.")
    else:
        text = request.body.decode("utf-8", "surrogateescape")
        pairs = sorted(set(parse_qsl(text, keep_blank_values=True, errors="surrogateescape")))
        fields = "".join(name + value for name, value in pairs)
    return [
        encoded(hmac.digest(secret, (url + fields).encode("utf-8", "surrogateescape"), "sha1"), "base64")
        for url in _with_and_without_port(request.url)
    ]


def _with_and_without_port(url: str) -> list[str]:
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    host = place.partition(":")[0]
    port = f"{host}:{parts.port or _PORTS.get(parts.scheme, 443)}"
    spellings = dict.fromkeys((place, host, port))
    return [urlunsplit(parts._replace(netloc=user + at + one)) for one in spellings]


SIGNED: dict[str, Signatures] = {
    "hmac": by_hmac,
    "digest": by_digest,
    "signed_fields": by_fields,
    "twilio": by_twilio,
}


def check_signature(
    signatures: Signatures, proof: Verification, request: Presented, held: Held, given: str
) -> bool:
    """Whether what stands at the proof's place is right for a live value of the secret."""
    if proof.encoding == "hex" and proof.scheme != "twilio":
        given = given.lower()
    right = [
        hmac.compare_digest(wanted.encode(), given.encode())
        for secret in held.values(proof.secret)
        for wanted in signatures(proof, request, held, secret)
    ]
    return any(right)


def signature(proof: Verification, request: Presented, held: Held) -> str:
    """What a sender with the first value of the secret would put there, for recorded examples."""
    secret = held.values(proof.secret)[0]
    made = partial(SIGNED[proof.scheme], proof, request, held)
    return proof.prefix + made(secret)[0]
