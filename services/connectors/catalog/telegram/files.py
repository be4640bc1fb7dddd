"""Files of the Telegram Bot API: getFile tells a path. Source: core.telegram.org/bots/api, getFile."""

from urllib.parse import quote, urlencode

from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.fetching import Held, Unfetchable
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import read_object
from services.connectors.reading.inside import text_at


def request(reference: str, held: Held) -> Request:
    """Where is the file of this file_id? Raises Unfetchable."""
    address, token = held.need("api_url", "token")
    return Request(f"{address.rstrip('/')}/bot{token}/getFile?{urlencode({'file_id': reference})}")


def then(answer: Answer, held: Held) -> Request | None:
    """The file itself. Raises Unfetchable for a server of one's own that tells places on its own disk."""
    try:
        path = text_at(read_object(answer.body), "result", "file_path")
    except Unreadable:
        return None
    if path.startswith("/"):
        raise Unfetchable("the Bot API server of api_url runs with --local, and so hands out no files")
    address, token = held.need("api_url", "token")
    return Request(f"{address.rstrip('/')}/file/bot{token}/{quote(path)}") if path else None
