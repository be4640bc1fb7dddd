"""How far ahead to claim: enough that connections never wait for the database, and no further."""

# Letters are claimed this long before they leave at most: what the gate saw must still be so.
HORIZON_SECONDS = 0.1
_MOST_AHEAD = 32
# Of the newest measurement in a running mean.
_WEIGHT = 0.2


class Pace:
    """Running means of how long a letter and a claim take, in seconds."""

    def __init__(self) -> None:
        self._letter = HORIZON_SECONDS
        self._claim = 0.0

    def carried(self, seconds: float) -> None:
        """A letter took this long on its connection."""
        self._letter += _WEIGHT * (seconds - self._letter)

    def claimed(self, seconds: float) -> None:
        """A claim took this long."""
        self._claim += _WEIGHT * (seconds - self._claim)

    @property
    def ahead(self) -> int:
        """Letters to claim per connection: what it carries while two claims are made; one at least."""
        horizon = min(HORIZON_SECONDS, 2 * self._claim)
        return max(1, min(_MOST_AHEAD, round(horizon / self._letter)))
