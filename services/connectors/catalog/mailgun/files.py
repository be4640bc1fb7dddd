"""Files that a store() route left at Mailgun. Source: Mailgun, Storing and retrieving messages."""

import base64
from urllib.parse import urlsplit

from services.connectors.domain.exchange import Request
from services.connectors.domain.fetching import Held


def request(reference: str, held: Held) -> Request | None:
    """Ask with the API key; None for what does not stand at Mailgun. Raises Unfetchable."""
    try:
        parts = urlsplit(reference)
    except ValueError:
        return None
    if parts.scheme != "https" or not f".{parts.hostname}".endswith(".mailgun.net"):
        return None
    (key,) = held.need("api_key")
    proof = base64.b64encode(f"api:{key}".encode()).decode()
    return Request(reference, headers={"authorization": f"Basic {proof}"})
