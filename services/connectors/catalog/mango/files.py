"""Recordings of Mango Office: a signed request is sent on to a short-lived address. Source: VPBX API 1.10."""

import hashlib
import json
from urllib.parse import urlencode

from services.connectors.domain.exchange import Request
from services.connectors.domain.fetching import Held


def request(reference: str, held: Held) -> Request:
    """Ask for the recording of this recording_id. Raises Unfetchable."""
    address, key, salt = held.need("api_url", "api_key", "api_salt")
    told = json.dumps({"recording_id": reference, "action": "download"})
    sign = hashlib.sha256(f"{key}{told}{salt}".encode()).hexdigest()
    body = urlencode({"vpbx_api_key": key, "sign": sign, "json": told}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Request(f"{address.rstrip('/')}/queries/recording/post", "POST", headers, body)
