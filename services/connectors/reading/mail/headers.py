"""Header values as bytes came: encoded words, raw 8-bit text, mailboxes, message ids.

Sources: RFC 5322 (mailboxes, ids), RFC 2047 (encoded words). Addresses are split before words are
decoded, because an encoded name may hold a comma, a quote or even an address.
"""

import base64
import binascii
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from services.connectors.reading.charsets import decode

LONGEST = 20_000
_WORD = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?[^?\s]+\?[bBqQ]\?)")
_ADDRESS = re.compile(r"[^\s@<>(),;:\"]+@[^\s@<>(),;:\"]+")
_ID = re.compile(r"<([^<>\s]+)>")


class Mailbox(NamedTuple):
    """A name, perhaps empty, and an address, perhaps empty."""

    name: str
    address: str


def text_of(raw: str, charset: str | None = None) -> str:
    """Readable text of a raw header value; `charset` is that of the mail, for raw 8-bit bytes."""
    raw = _BETWEEN_WORDS.sub(r"\1", " ".join(raw[:LONGEST].split()))
    found: list[str] = []
    run: tuple[str, bytes] | None = None
    end = 0
    for word in _WORD.finditer(raw):
        between = raw[end : word.start()]
        end = word.end()
        data = _word_bytes(word[2], word[3])
        label = word[1].lower()
        # A character may be split over two words: neighbours in one charset are decoded together.
        if run and not between and run[0] == label:
            run = (label, run[1] + data)
            continue
        found += [_run_text(run), raw_text(between, charset)]
        run = (label, data)
    return "".join([*found, _run_text(run), raw_text(raw[end:], charset)]).strip()


def _run_text(run: tuple[str, bytes] | None) -> str:
    return decode(run[1], run[0]) if run else ""


def raw_text(text: str, charset: str | None) -> str:
    """Undo the parser's escape for bytes above 127, then decode those bytes."""
    return text if text.isascii() else decode(text.encode("utf-8", "surrogateescape"), charset)


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    if encoding in "qQ":
        return binascii.a2b_qp(data, header=True)
    data = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    if len(data) % 4 == 1:
        data = data[:-1]
    return base64.b64decode(data + b"=" * (-len(data) % 4))


def mailboxes(raw: str, charset: str | None = None) -> list[Mailbox]:
    """The mailboxes of an address header, split first and decoded after."""
    found = [_mailbox(piece, charset) for piece in _split(" ".join(raw[:LONGEST].split()))]
    return [box for box in found if box.address or box.name]


def _split(raw: str) -> list[str]:
    """Cut at commas and semicolons outside quotes, comments and angle brackets."""
    pieces, start, quoted, depth = [], 0, False, 0
    skip = False
    for place, sign in enumerate(raw):
        if skip:
            skip = False
        elif sign == "\\":
            skip = True
        elif sign == '"' and depth == 0:
            quoted = not quoted
        elif not quoted and sign in "(<":
            depth += 1
        elif not quoted and sign in ")>":
            depth = max(0, depth - 1)
        elif not quoted and depth == 0 and sign in ",;":
            pieces.append(raw[start:place])
            start = place + 1
    return [*pieces, raw[start:]]


def _mailbox(piece: str, charset: str | None) -> Mailbox:
    name, angle, rest = piece.rpartition("<")
    address = _ADDRESS.search(rest.partition(">")[0] if angle else piece)
    if not angle:
        name = piece.partition("(")[2].rpartition(")")[0]
        if address and not name:
            name = piece[: address.start()]
    shown = text_of(name.strip().strip('"').replace('\\"', '"').strip("'\" "), charset)
    return Mailbox(shown, raw_text(address.group(), charset) if address else "")


def message_ids(raw: str) -> list[str]:
    """Message ids without brackets, as they stand; broken ones are words with an @."""
    raw = raw[:LONGEST]
    ids = _ID.findall(raw) or [word.strip("<>,;") for word in raw.split() if "@" in word]
    return [text for known in dict.fromkeys(ids) if (text := raw_text(known, None)[:998])]


def moment(raw: str) -> datetime | None:
    """The time of a Date header; None when it makes no sense."""
    try:
        return parsedate_to_datetime(raw[:200])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
