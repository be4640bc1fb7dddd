"""What Twilio's kinds share. Source: Twilio, Recordings and Media resources: HTTP basic authentication."""

import re
from urllib.parse import urlsplit

from services.connectors.domain.exchange import Request
from services.connectors.domain.fetching import Held
from services.connectors.reading.exchanges import basic

_ACCOUNT = re.compile(r"/Accounts/(AC[0-9a-f]{32})/")


def media_request(address: str, held: Held) -> Request | None:
    """Ask for a recording or a medium by its address, as the account that is named in it.

    None for what does not stand at Twilio: nobody else is told the auth token.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    account = _ACCOUNT.search(parts.path)
    at_twilio = parts.scheme == "https" and f".{parts.hostname}".endswith(".twilio.com")
    if not (at_twilio and account):
        return None
    (token,) = held.need("auth_token")
    return Request(address, headers=basic(account[1], token))
