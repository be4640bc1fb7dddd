"""Files that a store() route left at Mailgun. Source: Mailgun, Storing and retrieving messages."""

from urllib.parse import urlsplit

from services.connectors.domain.exchange import Request
from services.connectors.domain.fetching import Held
from services.connectors.reading.exchanges import basic


def request(reference: str, held: Held) -> Request | None:
    """Ask with the API key; None for what does not stand at Mailgun. Raises Unfetchable."""
    try:
        parts = urlsplit(reference)
    except ValueError:
        return None
    if parts.scheme != "https" or not f".{parts.hostname}".endswith(".mailgun.net"):
        return None
    (key,) = held.need("api_key")
    return Request(reference, headers=basic("api", key))
