"""A letter as bytes on the wire (RFC 5322, 2045, 2047).

Written here with the library's encoders: email.message folds long tokens such as a List-Unsubscribe
address into encoded words, which nobody can read back, and takes several times as long per letter.
"""

import re
from base64 import encodebytes
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.header import Header
from email.utils import format_datetime

from email_validator import EmailNotValidError, validate_email

_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
_SUBJECT_LENGTH = 400
_LINE_LENGTH = 76
# RFC 5322 allows 998; some servers fold earlier.
_LONGEST_LINE = 900


class NotWritable(Exception):
    """The letter cannot be written as it stands; says why without its content."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name and an address, as in `Riverside School <hello@school.example>`."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter to one person, rendered."""

    sender: Mailbox
    reply_to: str | None
    recipient: str
    subject: str
    text: str
    html: str | None
    message_id: str
    unsubscribe_url: str
    written_at: datetime


def one_line(text: str) -> str:
    """Without line breaks and control characters, so that it stays inside its header."""
    return " ".join(_BREAKS.sub(" ", text).split())


def usable_address(written: str | None) -> str | None:
    """The address as it may go on the wire, its domain in ASCII; None when it is none."""
    if not written or len(written) > 320:
        return None
    try:
        found = validate_email(written.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return found.ascii_email or f"{found.local_part}@{found.ascii_domain}"


def compose(letter: Letter) -> bytes:
    """The whole letter with CRLF line ends. Raises NotWritable."""
    try:
        head = "".join(f"{name}: {value}\r\n" for name, value in _headers(letter))
        return head.encode() + _body(letter)
    except (MessageError, UnicodeError, ValueError) as error:
        raise NotWritable(type(error).__name__) from error


def _headers(letter: Letter) -> list[tuple[str, str]]:
    headers = [
        ("From", _mailbox(letter.sender)),
        ("To", one_line(letter.recipient)),
        ("Subject", _words("Subject", one_line(letter.subject)[:_SUBJECT_LENGTH])),
        ("Date", format_datetime(letter.written_at)),
        ("Message-ID", f"<{one_line(letter.message_id)}>"),
        ("List-Unsubscribe", f"<{one_line(letter.unsubscribe_url)}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ]
    if letter.reply_to:
        headers.append(("Reply-To", one_line(letter.reply_to)))
    return headers


def _mailbox(mailbox: Mailbox) -> str:
    name = one_line(mailbox.name)
    address = f"<{one_line(mailbox.address)}>"
    if not name:
        return address
    if name.isascii():
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" {address}'
    return f"{_words('From', name)}\r\n {address}"


def _words(header: str, text: str) -> str:
    """Unstructured text, folded; encoded words (RFC 2047) where it is not ASCII."""
    charset = "us-ascii" if text.isascii() and "=?" not in text else "utf-8"
    return Header(text, charset, maxlinelen=_LINE_LENGTH, header_name=header).encode(linesep="\r\n")


def _body(letter: Letter) -> bytes:
    if letter.html is None:
        return b"MIME-Version: 1.0\r\n" + _part(letter.text, "plain")
    # Not random, so that the same letter has the same bytes; its own id is in no encoded part.
    boundary = f"=_{letter.message_id.partition('.')[0]}"
    return b"".join(
        (
            b"MIME-Version: 1.0\r\n"
            b'Content-Type: multipart/alternative; boundary="%b"\r\n' % boundary.encode(),
            b"\r\n--%b\r\n" % boundary.encode(),
            _part(letter.text, "plain"),
            b"\r\n--%b\r\n" % boundary.encode(),
            _part(letter.html, "html"),
            b"\r\n--%b--\r\n" % boundary.encode(),
        )
    )


def _part(text: str, subtype: str) -> bytes:
    """One text as a MIME part: as it is where seven bits and short lines allow, else encoded."""
    raw = _lines(_storable(text))
    if raw.isascii() and max(map(len, raw.split(b"\r\n"))) <= _LONGEST_LINE and b"=_" not in raw:
        way, body = "7bit", raw
    else:
        way, body = "base64", encodebytes(raw).replace(b"\n", b"\r\n")
    return (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {way}\r\n\r\n'
    ).encode() + body


def _lines(text: str) -> bytes:
    """With CRLF line ends (RFC 2046, section 4.1.1), the last line's included."""
    raw = _LINE_ENDS.sub("\r\n", text).encode()
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def _storable(text: str) -> str:
    """Lone surrogates cannot be encoded; a NUL ends texts early in old readers."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")
