"""One raw thing that a channel handed over, kept byte for byte."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a parser gets. Header names are lower case; only those a kind keeps are there.

    Mail has the headers `mail-from` and `rcpt-to`: the SMTP envelope.
    """

    channel: str
    kind: str
    body: bytes
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    method: str = "POST"

    @property
    def id(self) -> str:
        """The same for the same bytes in the same channel."""
        return delivery_id(self.channel, self.body)


def delivery_id(channel: str, body: bytes) -> str:
    """The name of a delivery: a hash of channel and raw body, 32 hexadecimal digits."""
    digest = hashlib.blake2b(body, digest_size=16, key=channel.encode()[:64])
    return digest.hexdigest()
