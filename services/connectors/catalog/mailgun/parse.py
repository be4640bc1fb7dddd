"""Mail by a Mailgun route, taken apart or as raw MIME. Sources: Mailgun, receiving by HTTP; RFC 3834."""

import hashlib
from typing import Any

from contracts.interactions import Attachment
from services.connectors.domain import Delivery, Parsed, Settings, ignored
from services.connectors.errors import Unreadable
from services.connectors.reading.charsets import decode
from services.connectors.reading.documents import read_json
from services.connectors.reading.forms import exact_fields
from services.connectors.reading.inside import size_at, text_at
from services.connectors.reading.mail.markup import text_of_html
from services.connectors.reading.mail.message import Mail, read_mail
from services.connectors.reading.mail.touch import judged
from services.connectors.reading.moments import seconds

_FLAGGED = "yes"
_STORED_FILES = "attachments"


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """A mail by a person is a touch. Raises Unreadable when it is no mail."""
    fields, files = _fields(delivery)
    if fields.get("body-mime", b"").strip():
        mail = read_mail(fields["body-mime"])
    elif "message-headers" in fields or "from" in fields:
        mail = _taken_apart(fields, files)
    else:
        raise Unreadable("it is no mail: neither body-mime nor message-headers is there")
    if settings.text("spam") == "ignore" and mail.raw("x-mailgun-sflag").strip().lower() == _FLAGGED:
        return ignored("spam", "Mailgun's spam filter has marked it")
    envelope = decode(fields["sender"]) if "sender" in fields else None
    return judged(mail, envelope, settings, seconds(decode(fields.get("timestamp", b""))))


def _fields(delivery: Delivery) -> tuple[dict[str, bytes], list[Attachment]]:
    """The fields byte for byte, for raw mail is in no charset; and the files."""
    form = exact_fields(delivery)
    if form is None:
        raise Unreadable("no route of Mailgun has this content type")
    found, files = form
    # Where a field is there twice, the last one is Mailgun's own.
    return {name: values[-1] for name, values in found.items()}, files


def _taken_apart(fields: dict[str, bytes], files: list[Attachment]) -> Mail:
    """A mail out of its parts, with the headers that `message-headers` lists."""
    headers: dict[str, list[str]] = {}
    for name, value in _pairs(fields.get("message-headers", b"")):
        headers.setdefault(name.lower(), []).append(" ".join(_sound(value).split()))
    for name in ("from", "subject", "Message-Id", "Date", "In-Reply-To", "References"):
        if name in fields:
            headers.setdefault(name.lower(), [" ".join(decode(fields[name]).split())])
    plain, html = decode(fields.get("body-plain", b"")), decode(fields.get("body-html", b""))
    written = fields.get("body-plain", b"") + fields.get("body-html", b"")
    return Mail(
        headers,
        next(iter(headers.get("content-type", ())), "").partition(";")[0].strip().lower(),
        None,
        text=plain.strip() or text_of_html(html),
        files=[*files, *_stored(fields.get(_STORED_FILES, b""))],
        fingerprint=hashlib.blake2b(written, digest_size=16).hexdigest(),
    )


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    rows = read_json(raw) if raw.strip() else []
    rows = rows if isinstance(rows, list) else []
    pairs = [row for row in rows if isinstance(row, list) and len(row) == 2]
    return [(name, value) for name, value in pairs if isinstance(name, str) and isinstance(value, str)]


def _stored(raw: bytes) -> list[Attachment]:
    """Files that a store() route left at Mailgun, by the addresses where they are fetched."""
    rows: Any = read_json(raw, exact=True) if raw.strip() else []
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [
        Attachment(
            name=_sound(text_at(row, "name")),
            content_type=_sound(text_at(row, "content-type")) or "application/octet-stream",
            size=size_at(row, "size"),
            reference=_sound(text_at(row, "url")) or None,
        )
        for row in rows
    ]


def _sound(text: str) -> str:
    """JSON may hold halves of characters, which no charset can write."""
    return text.encode("utf-8", "replace").decode()
