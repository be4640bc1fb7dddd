"""A mail, as the SMTP inlet took it. Sources: RFC 5322, RFC 3834, RFC 3464."""

from services.connectors.domain import Delivery, Parsed, Settings
from services.connectors.reading.mail.message import read_mail
from services.connectors.reading.mail.touch import judged


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """A mail by a person is a touch."""
    return judged(read_mail(delivery.body), delivery.headers.get("mail-from"), settings)
