"""One message that leaves through a channel, and what its vendor said of it. Plain values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.settings import Settings


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
    """It did not go, and may be tried again after so many seconds.

    With `whole` the other messages of the channel have to wait as well. 0 seconds: longer each time.
    """

    after: float
    reason: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class InDoubt:
    """It may have gone. What then is done the kind's manifest decides."""

    reason: str


Outcome = Sent | Refused | Later | InDoubt


@dataclass(frozen=True, slots=True)
class Secrets:
    """The newest live values of a channel's secret settings. They are in no repr."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    def text(self, name: str) -> str:
        """One of them; empty when it has no value."""
        return self.values.get(name, "")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind asks its vendor to send a message, and understands the answer. Both are pure and total."""

    request: Callable[[Outgoing, Settings, Secrets], Request]
    outcome: Callable[[Answer], Outcome]
