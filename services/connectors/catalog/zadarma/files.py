"""Recordings of Zadarma: a signed request tells an address. Sources: zadarma/openapi, zadarma/user-api-v1."""

import base64
import hashlib
import hmac
from urllib.parse import urlencode

from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.fetching import Held
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import read_object
from services.connectors.reading.inside import text_at, value_at

_METHOD = "/v1/pbx/record/request/"
_LIFETIME = "1800"


def request(reference: str, held: Held) -> Request:
    """Where is the recording of this call_id_with_rec? Raises Unfetchable."""
    address, key, secret = held.need("api_url", "api_key", "secret")
    query = urlencode({"call_id": reference, "lifetime": _LIFETIME})
    signed = f"{_METHOD}{query}{hashlib.md5(query.encode()).hexdigest()}"
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha1).hexdigest()
    proof = base64.b64encode(digest.encode()).decode()
    return Request(f"{address.rstrip('/')}{_METHOD}?{query}", headers={"authorization": f"{key}:{proof}"})


def then(answer: Answer, held: Held) -> Request | None:
    """The recording itself; the address is a secret of its own."""
    try:
        told = read_object(answer.body)
    except Unreadable:
        return None
    links = value_at(told, "links")
    several = [one for one in links if isinstance(one, str)] if isinstance(links, list) else []
    url = text_at(told, "link") or next(iter(several), "")
    return Request(url) if url else None
