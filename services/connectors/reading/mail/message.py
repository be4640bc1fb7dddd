"""A mail taken apart: who, about what, which text, which files."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

from contracts.interactions import Attachment
from services.connectors.errors import Unreadable
from services.connectors.reading.attached import carried
from services.connectors.reading.charsets import decode
from services.connectors.reading.mail.headers import Mailbox, mailboxes, message_ids, moment, text_of
from services.connectors.reading.mail.markup import text_of_html
from services.connectors.reading.mail.tnef import opened

# What the library's own readers of headers raise on damaged ones.
_DAMAGED = (ValueError, LookupError, TypeError, AttributeError)
_MOST_PARTS = 500
_HEADERS_END = re.compile(rb"\r?\n\r?\n")


@dataclass(slots=True)
class Mail:
    """A mail as read. Header names are lower case, values raw and unfolded."""

    headers: dict[str, list[str]]
    content_type: str
    charset: str | None
    text: str = ""
    files: list[Attachment] = field(default_factory=list)
    fingerprint: str = ""

    def raw(self, name: str) -> str:
        """The first header of that name, as it came; empty if there is none."""
        return next(iter(self.headers.get(name, ())), "")

    @property
    def sender(self) -> Mailbox:
        """The first author that has an address, else Sender's; empty parts when nobody is named."""
        boxes = [box for name in ("from", "sender") for box in mailboxes(self.raw(name), self.charset)]
        return next((box for box in boxes if box.address), Mailbox("", ""))

    @property
    def subject(self) -> str:
        """The decoded subject."""
        return text_of(self.raw("subject"), self.charset)

    @property
    def date(self) -> datetime | None:
        """When the sender says it was written."""
        return moment(self.raw("date"))

    @property
    def message_id(self) -> str | None:
        """The id without brackets, if the mail has one."""
        return next(iter(message_ids(self.raw("message-id"))), None)

    @property
    def answers(self) -> list[str]:
        """The ids it replies to, nearest first: In-Reply-To, then References from the end."""
        nearest = message_ids(self.raw("in-reply-to"))
        return list(dict.fromkeys([*nearest, *reversed(message_ids(self.raw("references")))]))

    def derived_id(self) -> str:
        """An id for a mail without one: the same for the same date, sender, subject and body."""
        told = "\n".join((self.raw("date"), self.raw("from"), self.raw("subject"), self.fingerprint))
        digest = hashlib.blake2b(told.encode("utf-8", "surrogateescape"), digest_size=16)
        return f"derived:{digest.hexdigest()}"


def read_mail(raw: bytes) -> Mail:
    """Take a mail apart. Raises Unreadable when there is no structure to be found."""
    try:
        message = BytesParser(policy=compat32).parsebytes(raw)
        leaves = list(_leaves(message))
    except (RecursionError, *_DAMAGED):
        raise Unreadable("the mail is nested too deeply or damaged beyond reading") from None
    mail = Mail(_headers(message), message.get_content_type(), _charset(message, leaves))
    plain: list[str] = []
    html: list[str] = []
    for part in leaves:
        body = _payload(part)
        kind = part.get_content_type()
        if _is_file(part, kind, alone=part is message):
            mail.files += opened(carried(_name(part, mail), kind, body))
        else:
            (html if kind == "text/html" else plain).append(decode(body, _label(part)))
    mail.text = "\n".join(plain).strip() or text_of_html("\n".join(html))
    written = _HEADERS_END.split(raw, 1)[-1]
    mail.fingerprint = hashlib.blake2b(written, digest_size=16).hexdigest()
    return mail


def _headers(message: Message) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        found.setdefault(name.lower(), []).append(" ".join(str(value).split()))
    return found


def _leaves(message: Message) -> Iterator[Message]:
    """Parts that hold something. A mail inside the mail is one of them, and stays closed."""
    waiting: list[Message] = [message]
    count = 0
    while waiting and count < _MOST_PARTS:
        part = waiting.pop()
        count += 1
        inside = part.get_payload()
        if isinstance(inside, list) and part.get_content_maintype() != "message":
            waiting += reversed([one for one in inside if isinstance(one, Message)])
        else:
            yield part


def _payload(part: Message) -> bytes:
    try:
        inside = part.get_payload()
        if isinstance(inside, list):
            return b"".join(one.as_bytes() for one in inside if isinstance(one, Message))
        body = part.get_payload(decode=True)
    except (RecursionError, *_DAMAGED):
        return b""
    return body if isinstance(body, bytes) else b""


def _is_file(part: Message, kind: str, *, alone: bool) -> bool:
    if kind in ("text/plain", "text/html") or part.get_content_maintype() == "multipart":
        return _disposition(part).startswith("attachment") or _given_name(part) is not None
    # A mail that is nothing but an unnamed octet stream is text of a careless sender.
    return not (alone and kind == "application/octet-stream" and _given_name(part) is None)


def _disposition(part: Message) -> str:
    return str(part.get("content-disposition", "")).strip().lower()


def _given_name(part: Message) -> str | None:
    try:
        return part.get_filename()
    except _DAMAGED:
        return None


def _name(part: Message, mail: Mail) -> str:
    ending = "message.eml" if part.get_content_maintype() == "message" else "attachment"
    return text_of(_given_name(part) or ending, mail.charset)


def _label(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except _DAMAGED:
        return None


def _charset(message: Message, leaves: list[Message]) -> str | None:
    """The charset of the mail or of its first text: what raw 8-bit headers are written in."""
    texts = [part for part in leaves if part.get_content_maintype() == "text"]
    return next((label for part in (message, *texts) if (label := _label(part))), None)
