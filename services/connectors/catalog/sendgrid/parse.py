"""Mail by SendGrid's Inbound Parse, taken apart or raw. Sources: SendGrid, Inbound Parse; RFC 3834."""

from contextlib import suppress
from typing import Any

from contracts.interactions import Attachment, Identity
from services.connectors.domain import Delivery, Parsed, Settings, Touch, accepted, ignored, rejected
from services.connectors.errors import Unreadable
from services.connectors.reading.charsets import decode
from services.connectors.reading.documents import read_json
from services.connectors.reading.forms import multipart, options_of, urlencoded
from services.connectors.reading.inside import text_at
from services.connectors.reading.mail.automatic import why_automatic
from services.connectors.reading.mail.markup import text_of_html
from services.connectors.reading.mail.message import Mail, read_mail
from services.connectors.reading.mail.quoting import without_quotes

# No charset but this one gives every byte back; a part that is no UTF-8 makes the reader use it.
_EXACT, _NO_UTF8 = "iso8859-1", b"\xff"
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
    return _judged(mail, _envelope(fields), settings)


def _judged(mail: Mail, envelope: str | None, settings: Settings) -> Parsed:
    """Whether it is automatic is tested before it is threaded."""
    automatic = why_automatic(mail, envelope)
    if automatic:
        return ignored("automatic", automatic)
    name, address = mail.sender
    address = (address or envelope or "").strip("<> ").lower()
    if "@" not in address:
        return rejected("unknown", "no sender is named")
    if address in (own.lower() for own in settings.texts("addresses")):
        return ignored("own", "this channel's own address sent it")
    touch = Touch(
        medium="email",
        conversation=f"email:{address}",
        external_id=mail.message_id or mail.derived_id(),
        message_id=mail.message_id,
        in_reply_to=mail.answers,
        occurred_at=mail.date,
        identities=[Identity(kind="email", value=address[:320])],
        name=name,
        title=mail.subject,
        text=without_quotes(mail.text, mail.subject),
        attachments=mail.files,
    )
    return accepted("mail", touch)


def _fields(delivery: Delivery) -> tuple[dict[str, bytes], list[Attachment]]:
    """The fields byte for byte, for each is in a charset of its own; and the files."""
    kind, options = options_of(delivery.headers.get("content-type", ""), delivery.body)
    if kind == "multipart/form-data":
        boundary = options.get(b"boundary", b"")
        first = b'--%b\r\nContent-Disposition: form-data; name="-"\r\n\r\n%b\r\n' % (boundary, _NO_UTF8)
        form = multipart(first + delivery.body, boundary, _EXACT)
        found, files = form.fields, form.files
    elif kind == "application/x-www-form-urlencoded":
        found, files = urlencoded(b"-=%b&" % _NO_UTF8 + delivery.body, _EXACT), []
    else:
        raise Unreadable("Inbound Parse has no such content type")
    exact = {name: values[0].encode("latin-1", "replace") for name, values in found.items()}
    return exact, [one.model_copy(update={"name": _file_name(one.name)}) for one in files]


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


def _file_name(name: str) -> str:
    """Without the folders that some mail programs put before it."""
    return name.replace("\\", "/").rpartition("/")[2].strip(". ") or "attachment"
