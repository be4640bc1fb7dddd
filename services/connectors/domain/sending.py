"""One message that leaves through a channel, and what its vendor said of it. Plain values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way. `id` stays the same over all attempts: the vendor's idempotency key.

    `to` is the vendor's own address: a chat, a user, a phone number.
    """

    id: str
    to: str
    text: str
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The vendor took it; `external_id` is its own id of the message, by which its receipts name it."""

    external_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The vendor will not have it, now or ever. `reason` holds no address and no text."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """It did not go, and may be tried again after so many seconds."""

    after: float
    reason: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """It may have gone. What then is done the kind's manifest decides."""

    reason: str


Outcome = Sent | Refused | Later | InDoubt
