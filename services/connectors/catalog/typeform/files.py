"""Files in answers of Typeform: private ones want a token. Source: Typeform, Responses API, file uploads."""

from urllib.parse import urlsplit

from services.connectors.domain.exchange import Request
from services.connectors.domain.fetching import Held
from services.connectors.reading.exchanges import bearer


def request(reference: str, held: Held) -> Request | None:
    """Ask with the token, if there is one and the file stands at Typeform."""
    token = held.secrets.text("token")
    try:
        parts = urlsplit(reference)
    except ValueError:
        return None
    if not token or parts.scheme != "https" or not f".{parts.hostname}".endswith(".typeform.com"):
        return None
    return Request(reference, headers=bearer(token))
