"""One raw thing that a channel handed over, kept byte for byte."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a parser gets. Header names are lower case; only those a kind keeps are there.

    Mail has the headers `mail-from` and `rcpt-to`: the SMTP envelope. `path` is what followed the
    channel's name in the address. `sender` is a keyed hash of the network address it came from, where
    the channel's guard counts senders. `salt` is what tells deliveries of one body apart. `known_id` is
    set where the id was made before, when the whole body was at hand.
    """

    channel: str
    kind: str
    body: bytes
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    method: str = "POST"
    known_id: str = ""
    path: str = ""
    salt: str = ""
    sender: str = ""

    @property
    def id(self) -> str:
        """The same for the same bytes in the same channel."""
        return self.known_id or delivery_id(self.channel, self.body, self.salt)


def delivery_id(channel: str, body: bytes, salt: str = "") -> str:
    """The name of a delivery: a hash of channel and raw body, 32 hexadecimal digits.

    `salt` is hashed, too, where the body alone does not tell one delivery from the next.
    """
    digest = hashlib.blake2b(body, digest_size=16, key=channel.encode()[:64])
    if salt:
        digest.update(b"\0" + salt.encode())
    return digest.hexdigest()
