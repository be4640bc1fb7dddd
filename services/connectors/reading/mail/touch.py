"""What a mail is, whatever road it came by: automatic, our own, or a person's touch."""

from datetime import datetime

from contracts.interactions import Identity
from services.connectors.domain import Parsed, Settings, Touch, accepted, ignored, rejected
from services.connectors.reading.mail.automatic import why_automatic
from services.connectors.reading.mail.headers import raw_text
from services.connectors.reading.mail.message import Mail
from services.connectors.reading.mail.quoting import without_quotes


def judged(
    mail: Mail, envelope_sender: str | None, settings: Settings, arrived: datetime | None = None
) -> Parsed:
    """A mail by a person is a touch. Whether it is automatic is tested before it is threaded.

    `envelope_sender` is empty for the null sender and None where nobody told it; `arrived` stands for
    a missing date. The channel's own addresses are its setting `addresses`.
    """
    automatic = why_automatic(mail, envelope_sender)
    if automatic:
        return ignored("automatic", automatic)
    name, address = mail.sender
    # Bytes that are no text come as lone surrogates.
    address = raw_text(address or envelope_sender or "", mail.charset).strip("<> ").lower()
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
        occurred_at=mail.date or arrived,
        identities=[Identity(kind="email", value=address[:320])],
        name=name,
        title=mail.subject,
        text=without_quotes(mail.text, mail.subject),
        attachments=mail.files,
    )
    return accepted("mail", touch)
