"""Mail by SendGrid's Inbound Parse, taken apart or raw. Sources: SendGrid, Inbound Parse; RFC 3834."""

from contextlib import suppress
from typing import Any

from contracts.interactions import Attachment
from services.connectors.domain import Delivery, Parsed, Settings, ignored
from services.connectors.errors import Unreadable
from services.connectors.reading.charsets import decode
from services.connectors.reading.documents import read_json
from services.connectors.reading.forms import exact_fields
from services.connectors.reading.inside import text_at
from services.connectors.reading.mail.markup import text_of_html
from services.connectors.reading.mail.message import Mail, read_mail
from services.connectors.reading.mail.touch import judged

# Headers that come as fields as well, decoded already.
_AS_FIELDS = ("from", "to", "cc", "subject")


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """A mail by a person is a touch. Raises Unreadable when it is no mail."""
    fields, files = _fields(delivery)
    if fields.get("email", b"").strip():
        mail = read_mail(fields["email"])
    elif "headers" in fields or "from" in fields:
        mail = _taken_apart(fields, files)
    else:
        raise Unreadable("it is no mail: neither email nor headers is there")
    limit = settings.number("spam_limit")
    if limit and _score(fields) > limit:
        return ignored("spam", "its spam_score is above spam_limit")
    return judged(mail, _envelope(fields), settings)


def _fields(delivery: Delivery) -> tuple[dict[str, bytes], list[Attachment]]:
    """The fields byte for byte, for each is in a charset of its own; and the files."""
    form = exact_fields(delivery)
    if form is None:
        raise Unreadable("Inbound Parse has no such content type")
    found, files = form
    return {name: values[0] for name, values in found.items()}, files


def _taken_apart(fields: dict[str, bytes], files: list[Attachment]) -> Mail:
    """A mail out of its parts: the text of its headers, and texts by the charset told for each."""
    charsets = _document(fields.get("charsets", b""))

    def text(name: str) -> str:
        return decode(fields.get(name, b""), text_at(charsets, name) or None)

    written = fields.get("text", b"") + fields.get("html", b"")
    mail = read_mail(fields.get("headers", b"").strip() + b"\r\n\r\n" + written)
    for name in _AS_FIELDS:
        if fields.get(name, b"").strip():
            mail.headers.setdefault(name, [" ".join(text(name).split())])
    mail.text = text("text").strip() or text_of_html(text("html"))
    mail.files = files
    return mail


def _envelope(fields: dict[str, bytes]) -> str | None:
    """Who sent it by SMTP: empty for the null sender, None where it is not told."""
    sender = _document(fields.get("envelope", b"")).get("from")
    return sender.encode("utf-8", "replace").decode() if isinstance(sender, str) else None


def _document(raw: bytes) -> dict[str, Any]:
    """A field that should be a JSON object; empty when it is none."""
    with suppress(Unreadable):
        found = read_json(raw)
        return found if isinstance(found, dict) else {}
    return {}


def _score(fields: dict[str, bytes]) -> float:
    try:
        return float(fields.get("spam_score", b"0").decode("ascii"))
    except ValueError:
        return 0.0
