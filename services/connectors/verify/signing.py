"""Signing recorded requests as the vendor would, so that examples can be made by the vendor's rule."""

import base64
import re

from services.connectors.verify import Held, Presented, Verification, place_of
from services.connectors.verify.signatures import SIGNED, signature
from services.connectors.verify.webhooks import standard_signature

_MARK = b"SIGNATURE"


def signed(proof: Verification, request: Presented, held: Held, raw: bytes) -> bytes:
    """The recording with a right proof in its header, or wherever it says SIGNATURE.

    Raises ValueError when the scheme needs a key that only the vendor has, or there is no place for it.
    """
    made = _made(proof, request, held).encode()
    if _MARK in raw:
        return raw.replace(_MARK, made)
    where, _, name = place_of(proof).partition(":")
    head, blank, body = _split(raw)
    if where != "header":
        raise ValueError("write SIGNATURE where it belongs")
    line = re.compile(rb"^" + re.escape(name.encode()) + rb":[^\r\n]*", re.IGNORECASE | re.MULTILINE)
    spelled = b"-".join(part.capitalize() for part in name.encode().split(b"-")) + b": " + made
    if line.search(head):
        head = line.sub(lambda _: spelled, head, count=1)
    else:
        head += (b"\r\n" if b"\r\n" in blank else b"\n") + spelled
    return head + blank + body


def _made(proof: Verification, request: Presented, held: Held) -> str:
    secrets = held.values(proof.secret)
    if not secrets:
        raise ValueError(f"{proof.secret} has no value in channel.json")
    if proof.scheme in SIGNED:
        return signature(proof, request, held)
    if proof.scheme == "standard_webhooks":
        return standard_signature(request, secrets[0])
    if proof.scheme == "shared_secret":
        return proof.prefix + secrets[0].decode()
    if proof.scheme == "basic":
        pair = held.settings.text(proof.user).encode() + b":" + secrets[0]
        return f"Basic {base64.b64encode(pair).decode()}"
    raise ValueError(f"the scheme {proof.scheme} signs with a key that is not here")


def _split(raw: bytes) -> tuple[bytes, bytes, bytes]:
    blank = re.search(rb"\r?\n\r?\n", raw)
    if blank is None:
        raise ValueError("it has no empty line after its headers")
    return raw[: blank.start()], blank[0], raw[blank.end() :]
