"""Gets the bytes of one wanted file: out of the delivery it came in, or from the vendor that has it."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from services.connectors.definitions.channel import Channel
from services.connectors.domain import Delivery
from services.connectors.domain.exchange import Answer, Request, Write, retry_after
from services.connectors.domain.fetching import Held, Unfetchable
from services.connectors.domain.file import safe_name
from services.connectors.errors import Gone, NotFetched
from services.connectors.files.spool import Spool
from services.connectors.reading.attached import Carried
from services.connectors.sending.fit import secrets_of
from services.connectors.store.files import Row
from services.connectors.store.raw import STREAM, large_body, message_at, partner_delivery, stored_delivery
from services.runtime.bus import Bus

if TYPE_CHECKING:
    from services.connectors.outside.downloads import Downloads

_WEB = ("https://", "http://")
_MOST_ANSWER = 1024 * 1024
_MISSING = (404, 410)


class Sources:
    """Where files come from: the bus for those in deliveries, the web for the rest."""

    def __init__(self, bus: Bus, downloads: "Callable[[], Downloads]") -> None:
        self._bus = bus
        self._downloads = downloads

    async def obtain(self, row: Row, channel: Channel | None, spool: Spool, now: datetime) -> None:
        """Write the bytes into `spool`. Raises NotFetched, or NotStored while the bus is away."""
        if channel is None or channel.kind.name != row.kind:
            raise NotFetched("its channel is not defined, or is of another kind now: define it as it was")
        if row.reference is None:
            spool.write(await self._out_of_delivery(row, channel))
        else:
            await self._from_vendor(row.reference, channel, spool, now)

    async def _out_of_delivery(self, row: Row, channel: Channel) -> bytes:
        """Parse the delivery once more and take the file that stands at its place."""
        try:
            delivery = await self._delivery(row, channel)
        except Gone as gone:
            raise NotFetched(str(gone), why="gone") from gone
        try:
            touches = channel.kind.parse(delivery, channel.settings).touches
            files = [file for touch in touches[row.touch : row.touch + 1] for file in touch.attachments]
        except Exception as error:
            raise NotFetched(f"its delivery cannot be parsed: {type(error).__name__}") from error
        ours = [
            file
            for file in (*files[row.place : row.place + 1], *files)
            if isinstance(file, Carried) and (safe_name(file.name), file.size) == (row.name, row.claimed_size)
        ]
        if not ours:
            raise NotFetched("the delivery does not hold its bytes", why="no_way")
        return ours[0].data

    async def _delivery(self, row: Row, channel: Channel) -> Delivery:
        message = await message_at(self._bus, row.stream, row.seq)
        if row.stream != STREAM:
            return partner_delivery(message, channel.name, channel.kind.name).delivery
        stored = stored_delivery(message)
        if not stored.large:
            return stored.delivery
        return replace(stored.delivery, body=await large_body(self._bus, stored.delivery))

    async def _from_vendor(self, reference: str, channel: Channel, spool: Spool, now: datetime) -> None:
        dialect = channel.kind.files
        held = Held(channel.settings, secrets_of(channel), now)
        try:
            request = dialect.request(reference, held) if dialect else None
            if request is None:
                if not reference.lower().startswith(_WEB):
                    raise NotFetched(f"{channel.kind.name} tells no way to fetch it", why="no_way")
                request = Request(reference)
            elif dialect and dialect.then:
                body = io.BytesIO()
                answer = self._good(await self._downloads().get(request, _bounded(body)), now)
                request = dialect.then(replace(answer, body=body.getvalue()), held)
        except Unfetchable as error:
            raise NotFetched(str(error)) from error
        if request is None:
            raise NotFetched("the vendor's answer names no file", missing=True)
        self._good(await self._downloads().get(request, spool.write), now)

    def _good(self, answer: Answer, now: datetime) -> Answer:
        if answer.status == 200:
            return answer
        raise NotFetched(
            f"the vendor answered {answer.status}",
            missing=answer.status in _MISSING,
            after=retry_after(answer, now),
        )


def _bounded(body: io.BytesIO) -> Write:
    def write(part: bytes) -> None:
        body.write(part)
        if body.tell() > _MOST_ANSWER:
            raise NotFetched("the vendor's answer is longer than one about a file")

    return write
