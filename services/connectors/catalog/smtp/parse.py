"""A mail, as the SMTP inlet took it. Sources: RFC 5322, RFC 3834, RFC 3464."""

from contracts.interactions import Identity
from services.connectors.domain import (
    Delivery,
    Parsed,
    Settings,
    Touch,
    accepted,
    ignored,
    rejected,
)
from services.connectors.reading.mail.automatic import why_automatic
from services.connectors.reading.mail.message import read_mail
from services.connectors.reading.mail.quoting import without_quotes


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """A mail by a person is a touch. Whether it is automatic is tested before it is threaded."""
    mail = read_mail(delivery.body)
    envelope_sender = delivery.headers.get("mail-from")
    automatic = why_automatic(mail, envelope_sender)
    if automatic:
        return ignored("automatic", automatic)
    name, address = mail.sender
    address = (address or envelope_sender or "").strip("<> ").lower()
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
