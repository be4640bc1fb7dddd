"""Why something happens: the event behind it, and the enquiry it belongs to."""

import uuid
from dataclasses import dataclass

# Every id made here is a version 5 UUID under this name, so that a repeated cause makes the same ids.
NAMESPACE = uuid.UUID("6f1d3a0e-4b55-5c1e-9a6f-1f0b5f0a77d4")


@dataclass(frozen=True, slots=True)
class Cause:
    """The event or request that is being handled."""

    id: str
    correlation: str
    traceparent: str | None = None

    def derived_id(self, *parts: object) -> uuid.UUID:
        """The same id whenever the same cause asks for the same parts."""
        return uuid.uuid5(NAMESPACE, "|".join((self.id, *map(str, parts))))


def new_cause(correlation: str | None = None, traceparent: str | None = None) -> Cause:
    """A cause of its own, for what begins here rather than on the bus."""
    begun = str(uuid.uuid4())
    return Cause(begun, correlation or begun, traceparent)
