"""Prints what happens on the bus, one line for each thing."""

import asyncio
from collections import OrderedDict
from datetime import datetime

import pydantic
from nats.aio.msg import Msg

from contracts.envelope import decode
from services.hub.up.announce import line
from services.runtime.bus import Bus

_REMEMBERED = 1_000
_UNPRINTED = 1_000


class Watch:
    """Listens to every fact; one that is published twice is printed once."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lines: asyncio.Queue[str] = asyncio.Queue(_UNPRINTED)
        self._printing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen until the connection ends."""
        self._printing = asyncio.create_task(self._print())
        await self._bus.nc.subscribe("crm.>", cb=self._on_fact)

    async def _print(self) -> None:
        """In a thread: a terminal that stands still must not stop the hub."""
        while True:
            await asyncio.to_thread(print, await self._lines.get(), flush=True)

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
        if not self._lines.full():
            self._lines.put_nowait(told)
