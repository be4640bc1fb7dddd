"""What a service process is told when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

GUARDS = frozenset({"inbox", "fence", "lease"})
STORED_AT = "Chaos-Stored-At"
"""In a replay: when the partner's message was stored the first time."""
STORED_AS = "Chaos-Stored-As"
"""In a replay: the id it was stored under, out of the bus's sight, which would refuse a repeat."""


@dataclass(frozen=True)
class Orders:
    """Which program, told what, writing where. `dedupe_seconds` is for the hub, which makes streams."""

    program: str
    environment: Mapping[str, str]
    log: str
    off: frozenset[str] = field(default_factory=frozenset)
    dedupe_seconds: float = 120.0
    replay: bool = False
