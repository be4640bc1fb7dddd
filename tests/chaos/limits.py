"""A full bus without a full disk: its streams are told that what they hold is all that fits."""

from collections.abc import Iterable

import nats
from nats.js.api import StreamConfig

_STREAMS = ("INTAKE", "INGRESS_PARTNER", "CRM_CONNECTORS", "CRM_LEADS", "CRM_DEALS", "CRM_NOTIFICATIONS")


class StreamLimit:
    """What stands in for a full disk where none can be mounted."""

    kind = "limits on the bytes of the streams: what is new is refused"

    def __init__(self, url: str, streams: Iterable[str] = _STREAMS) -> None:
        self._url = url
        self._streams = tuple(streams)
        self._before: list[StreamConfig] = []

    async def fill(self) -> None:
        """Let nothing more in."""
        connection = await nats.connect(self._url)
        try:
            js = connection.jetstream()
            for name in self._streams:
                found = await js.stream_info(name)
                self._before.append(found.config)
                await js.update_stream(found.config.evolve(max_bytes=max(1, found.state.bytes)))
        finally:
            await connection.close()

    async def free(self) -> None:
        """Let in what was let in before."""
        connection = await nats.connect(self._url)
        try:
            while self._before:
                await connection.jetstream().update_stream(self._before[-1])
                self._before.pop()
        finally:
            await connection.close()
