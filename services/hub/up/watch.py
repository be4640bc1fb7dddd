"""Prints what happens on the bus, one line for each thing."""

from collections import OrderedDict
from datetime import datetime

import pydantic
from nats.aio.msg import Msg

from contracts.envelope import decode
from services.hub.up.announce import line
from services.runtime.bus import Bus

_REMEMBERED = 1_000


class Watch:
    """Listens to every fact; one that is published twice is printed once."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def start(self) -> None:
        """Listen until the connection ends."""
        await self._bus.nc.subscribe("crm.>", cb=self._on_fact)

    async def _on_fact(self, message: Msg) -> None:
        try:
            event = decode(message.data)
            told = line(event, datetime.now().astimezone())
        except (pydantic.ValidationError, KeyError):
            return
        if told is None or event.id in self._seen:
            return
        self._seen[event.id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        print(told, flush=True)
