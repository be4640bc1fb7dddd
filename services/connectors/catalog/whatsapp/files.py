"""Media of the WhatsApp Cloud API: an id tells an address, which wants the token too. Source: Meta, Media."""

from urllib.parse import quote, urlsplit

from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.fetching import Held
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import read_object
from services.connectors.reading.exchanges import bearer
from services.connectors.reading.inside import text_at

# Where media lie: nobody else is told the token.
_OURS = (".fbsbx.com", ".facebook.com", ".fbcdn.net", ".whatsapp.net")


def request(reference: str, held: Held) -> Request:
    """Where is the medium of this id? Raises Unfetchable."""
    address, version, token = held.need("api_url", "api_version", "token")
    return Request(f"{address.rstrip('/')}/{version}/{quote(reference, safe='')}", headers=bearer(token))


def then(answer: Answer, held: Held) -> Request | None:
    """The medium itself: its address holds for five minutes."""
    try:
        url = text_at(read_object(answer.body), "url")
    except Unreadable:
        return None
    address, token = held.need("api_url", "token")
    told = _may_be_told(url, address)
    return Request(url, headers=bearer(token) if told else {}) if url else None


def _may_be_told(url: str, api: str) -> bool:
    try:
        there, here = urlsplit(url), urlsplit(api)
        if (there.scheme, there.netloc) == (here.scheme, here.netloc):
            return True
        return there.scheme == "https" and f".{there.hostname}".endswith(_OURS)
    except ValueError:
        return False
