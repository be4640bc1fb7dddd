"""Opaque tokens for unsubscribe links: a message's id and a proof that we made it."""

import base64
import hashlib
import hmac
import uuid

_PROOF_BYTES = 16
_PURPOSE = b"leadwire unsubscribe v1"


class Tokens:
    """Makes and reads tokens under a secret; an earlier secret is still read after a rotation."""

    def __init__(self, secret: bytes, *, earlier: bytes | None = None) -> None:
        self._keys = [_key(secret), *([_key(earlier)] if earlier else [])]

    def make(self, message_id: uuid.UUID) -> str:
        """43 characters, safe in a URL; the same each time for the same message."""
        return _written(message_id.bytes + _proof(self._keys[0], message_id.bytes))

    def read(self, token: str) -> uuid.UUID | None:
        """The message it was made for; None when we did not make it."""
        if len(token) != 43 or not token.isascii():
            return None
        try:
            raw = base64.b64decode(token + "=", altchars=b"-_", validate=True)
        except ValueError:
            return None
        # The last letter has bits to spare: only one way of writing it is ours.
        if _written(raw) != token:
            return None
        body, proof = raw[:16], raw[16:]
        if any(hmac.compare_digest(proof, _proof(key, body)) for key in self._keys):
            return uuid.UUID(bytes=body)
        return None


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _key(secret: bytes) -> bytes:
    return hmac.digest(secret, _PURPOSE, hashlib.sha256)


def _proof(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, hashlib.sha256)[:_PROOF_BYTES]
