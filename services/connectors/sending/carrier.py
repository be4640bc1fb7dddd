"""Who carries the messages of a channel in this process, where that takes a connection of its own."""

from collections.abc import Awaitable, Callable

from services.connectors.domain.sending import Outcome, Outgoing

Carry = Callable[[Outgoing], Awaitable[Outcome]]


class Carriers:
    """Channels that this process has a connection for. `changed` is called when one comes."""

    def __init__(self) -> None:
        self._by_channel: dict[str, Carry] = {}
        self.changed: Callable[[], None] = lambda: None

    def come(self, channel: str, carry: Carry) -> None:
        """From now on `carry` takes the messages of the channel. It never raises but for cancellation."""
        self._by_channel[channel] = carry
        self.changed()

    def go(self, channel: str) -> None:
        """The connection is gone."""
        self._by_channel.pop(channel, None)

    def of(self, channel: str) -> Carry | None:
        """The one that stands now."""
        return self._by_channel.get(channel)
