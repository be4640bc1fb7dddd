"""What the control API works with."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from services.hub.mailbox.files import Mailbox
from services.hub.partners import AdmittedElsewhere, Partners
from services.runtime.bus import Bus
from services.runtime.clock import Clock
from services.runtime.problems import ProblemBody

Responses = dict[int | str, dict[str, Any]]


@dataclass(frozen=True)
class Control:
    """The bus, and what surrounds it where the hub runs."""

    bus: Bus
    clock: Clock
    mailbox: Mailbox | None = None
    partners: Partners = field(default_factory=AdmittedElsewhere)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def ready(self) -> bool:
        """Whether requests can be taken."""
        return self.bus.connected and not self.stopping.is_set()


def problems(*statuses: int) -> Responses:
    """These errors as the API's description shows them."""
    return {status: {"model": ProblemBody} for status in statuses}
