"""Where a bus is and who asks: a login in the address, or a key."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client


@dataclass(frozen=True)
class BusAddress:
    """`url` may hold a user and password; `seed` is a file with an NKey instead."""

    url: str
    seed: Path | None = None

    async def connect(self, **options: Any) -> Client:
        """A connection of one's own. Raises what nats.connect raises."""
        keyed = {"nkeys_seed": str(self.seed)} if self.seed else {}
        return await nats.connect(self.url, **keyed, **options)
