"""Standard Webhooks 1.0.0, and ECDSA over body and time as SendGrid signs."""

import base64
import binascii
import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey

from services.connectors.errors import Refused
from services.connectors.verify.presented import Held, Presented
from services.connectors.verify.proof import Verification

ID, TIME, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_WIDEST = 100
_KEY = "Its operator copies the key from the vendor's page once more."


def check_standard(proof: Verification, request: Presented, held: Held) -> bool:
    """Whether one of the listed signatures is right. Those of unknown versions do not count.

    `v1` is HMAC-SHA256 with a secret `whsec_…`, `v1a` is ed25519 with a public key `whpk_…`.
    """
    given = request.headers.get(SIGNATURE, "").split()[:_WIDEST]
    signed = standard_content(request)
    right = [
        _right(version, text, secret.decode(), signed)
        for version, _, text in (one.partition(",") for one in given)
        for secret in held.values(proof.secret)
    ]
    return any(right)


def standard_content(request: Presented) -> bytes:
    """What is signed: id, time and raw body."""
    head = f"{request.headers.get(ID, '')}.{request.headers.get(TIME, '')}."
    return head.encode() + request.body


def standard_signature(request: Presented, secret: bytes) -> str:
    """The `v1` signature for a secret."""
    key = _bytes(secret.decode().removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.digest(key, standard_content(request), "sha256")).decode()


def _right(version: str, text: str, secret: str, signed: bytes) -> bool:
    try:
        if version == "v1" and not secret.startswith("whpk_"):
            wanted = hmac.digest(_bytes(secret.removeprefix("whsec_")), signed, "sha256")
            return hmac.compare_digest(wanted, _bytes(text))
        if version == "v1a" and secret.startswith("whpk_"):
            VerifyKey(_bytes(secret.removeprefix("whpk_"))).verify(signed, _bytes(text))
            return True
    except (CryptoError, ValueError):  # a key or a signature that is none
        pass
    return False


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error


def check_ecdsa(proof: Verification, request: Presented, held: Held, given: str) -> bool:
    """Whether an ECDSA signature over the template is right; the secret is a public key in DER, base64."""
    signed = request.render(proof.signs, held)
    for key in held.values(proof.secret):
        try:
            public = load_der_public_key(_bytes(key.decode()))
        except ValueError:
            reason = f"the setting {proof.secret} holds no public key in base64"
            raise Refused(403, reason, remedy=_KEY) from None
        if not isinstance(public, ec.EllipticCurvePublicKey):
            reason = f"the setting {proof.secret} holds no key of an elliptic curve"
            raise Refused(403, reason, remedy=_KEY)
        try:
            public.verify(_bytes(given), signed, ec.ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            continue
        return True
    return False
