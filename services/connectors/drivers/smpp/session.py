"""A bound connection: requests of ours meet their responses, requests of the centre are answered."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from services.connectors.drivers.inlet import Unreachable
from services.connectors.drivers.wire import Wire
from services.connectors.reading.smpp import pdus

_GOODBYE_SECONDS = 1.0


class Session:
    """One connection. `take` is given every message as it came; whoever took it answers it later."""

    def __init__(self, wire: Wire, take: Callable[[bytes], bool]) -> None:
        self._wire = wire
        self._take = take
        self._sequence = 0
        self._asked: dict[int, asyncio.Future[bytes]] = {}

    async def listen(self) -> None:
        """Take what comes until the connection ends. Raises Unreachable."""
        while True:
            for unit in await self._wire.chunk():
                await self._heard(unit)

    async def ask(self, command: int, body: bytes, timeout: float) -> bytes:
        """The response. Raises TimeoutError, Unreachable or OSError: then it may have been read or not."""
        self._sequence = self._sequence % 0x7FFFFFFF + 1
        number = self._sequence
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                await self._wire.tell(pdus.unit(command, number, body))
                return await answer
        finally:
            self._asked.pop(number, None)

    async def answer(self, unit: bytes, status: int = pdus.OK) -> None:
        """Acknowledge a message of the centre, or say why not. Raises OSError."""
        asked = pdus.header_of(unit)
        # message_id of deliver_sm_resp and data_sm_resp: an empty text.
        await self._wire.tell(pdus.unit(asked.command | pdus.RESPONSE, asked.sequence, b"\0", status))

    async def leave(self) -> None:
        """Unbind, as far as the centre is still there. What was asked and not answered never will be."""
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(Unreachable("the connection ended"))
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._wire.tell(pdus.unit(pdus.UNBIND, self._sequence + 1))

    async def _heard(self, unit: bytes) -> None:
        header = pdus.header_of(unit)
        if header.command & pdus.RESPONSE:
            answer = self._asked.get(header.sequence)
            if answer is not None and not answer.done():
                answer.set_result(unit)
        elif header.command in (pdus.DELIVER_SM, pdus.DATA_SM):
            if not self._take(unit):
                await self.answer(unit, pdus.THROTTLED)
        elif header.command in (pdus.ENQUIRE_LINK, pdus.UNBIND):
            await self._wire.tell(pdus.unit(header.command | pdus.RESPONSE, header.sequence))
            if header.command == pdus.UNBIND:
                raise Unreachable("the centre ended the session")
        elif header.command not in pdus.UNANSWERED:
            nack = pdus.unit(pdus.GENERIC_NACK, header.sequence, status=pdus.UNKNOWN_COMMAND)
            await self._wire.tell(nack)
