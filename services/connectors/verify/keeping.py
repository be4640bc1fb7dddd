"""What of a body may be kept: everything but the secret that came in it, byte for byte."""

import json
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from services.connectors.reading.documents import dotted
from services.connectors.reading.forms import options_of
from services.connectors.verify.presented import Presented
from services.connectors.verify.proof import Verification

# A shorter secret may be a word that people write.
_SHORTEST_REPEATED = 16
_LITERAL = r'"(?:[^"\\]|\\.)*"'
# A name, a colon, and the text or the bare value after it.
_MEMBER = re.compile(rf'({_LITERAL})(\s*:\s*)({_LITERAL}|[^\s"{{}}\[\],:]+)', re.DOTALL)


def kept_body(proof: Verification, request: Presented) -> bytes:
    """The body without the secret, where that stands in a field of it; a blank text takes its place.

    A secret of the address goes wherever the vendor repeats it, as in the address that it called. All else
    stays as it is, so that what the parser reads and what people download are what came.
    """
    where, _, name = proof.at.partition(":")
    if where not in ("field", "path", "query") or proof.scheme != "shared_secret":
        return request.body
    secret = request.value(proof.at)
    if not secret:
        return request.body
    if where != "field":
        told = secret.partition("/")[0] if where == "path" else secret
        return _without_repeats(request.body, told.removeprefix(proof.prefix).encode())
    kind, _ = options_of(request.headers.get("content-type", ""), request.body)
    if "json" in kind:
        return _without_member(request.body, dotted(name).rpartition(".")[2], secret)
    if kind == "multipart/form-data":
        return _without_part(request.body, name, secret)
    return b"&".join(_without_pair(request.body, dotted(name)))


def _without_repeats(body: bytes, secret: bytes) -> bytes:
    if len(secret) < _SHORTEST_REPEATED or secret not in body:
        return body
    if secret.isdigit():  # it may be a number in JSON, or within a longer one
        return re.sub(rb"(?<![0-9])" + secret + rb"(?![0-9])", b"0", body)
    return body.replace(secret, b"")


def _without_member(body: bytes, name: str, secret: str) -> bytes:
    plain = re.escape(json.dumps(secret)[1:-1].encode())
    member = (
        rb'("' + re.escape(name.encode()) + rb'"\s*:\s*)(?:"' + plain + rb'"|' + plain + rb"(?=[\s,}\]]))"
    )
    blanked, found = re.subn(member, rb'\1""', body)
    if found and secret.encode() not in blanked:
        return blanked
    # Spelled with escapes or in another encoding: read name by name.
    encoding = json.detect_encoding(body)
    text = body.decode(encoding, "surrogateescape" if encoding.startswith("utf-8") else "replace")

    def blank(member: re.Match[str]) -> str:
        same = _told(member[1]) == name and _told(member[3]) == secret
        return f'{member[1]}{member[2]}""' if same else member[0]

    changed = _MEMBER.sub(blank, text)
    return changed.encode(encoding, "surrogateescape") if changed != text else body


def _told(literal: str) -> str:
    """What a name or a value says, however it is spelled; numbers as they are written."""
    if not literal.startswith('"'):
        return literal
    try:
        return str(json.loads(literal, strict=False))
    except ValueError:
        return ""


def _without_pair(body: bytes, name: str) -> Iterator[bytes]:
    """The pairs of a urlencoded body, those of this name without a value."""
    for pair in body.split(b"&"):
        key, equals, _ = pair.partition(b"=")
        told = unquote_to_bytes(key.replace(b"+", b" ")).decode("utf-8", "replace").strip()
        yield key + equals if dotted(told) == name else pair


def _without_part(body: bytes, name: str, secret: str) -> bytes:
    """A multipart body, the parts of this name without a value (RFC 7578)."""
    part = (
        rb'(name="?'
        + re.escape(name.encode())
        + rb'"?\s*\r\n(?:[^\r\n]+\r\n)*\r\n)'
        + re.escape(secret.encode())
        + rb"(?=\r\n--)"
    )
    return re.sub(part, rb"\1", body)
