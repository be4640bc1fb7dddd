"""The object store of the bus (NATS ADR-20): chunks under a name of their own, then one message about them.

The library's writer gives chunks a new name each time, so that whoever dies halfway leaves some behind for
ever; here their name is that of the file, and whoever comes next clears it first. Chunks are read by single
gets: the library's reader waits for ever on one that is no longer there.
"""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import nats.errors
import nats.js.errors

from services.connectors.errors import Gone, NotStored
from services.connectors.files.spool import PART, Spool
from services.runtime.bus import Bus, BusUnavailable, PublishRefused
from services.runtime.streams import FILES_STORE

STREAM = f"OBJ_{FILES_STORE}"
_ROLLUP = {"Nats-Rollup": "sub"}
_AWAY = (BusUnavailable, PublishRefused, TimeoutError, nats.errors.Error, nats.js.errors.Error)
_CHUNK_SECONDS = 10.0


class ObjectStore:
    """Files in the bucket `files`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def put(self, file_id: UUID, spool: Spool) -> None:
        """Return once all of it is on disk in the bus. Raises NotStored."""
        chunks = 0
        try:
            await self._purge(_chunks(file_id))
            for part in spool.parts():
                await self._bus.publish(STREAM, _chunks(file_id), part, timeout=_CHUNK_SECONDS)
                chunks += 1
            about = json.dumps(_about(file_id, spool, chunks)).encode()
            await self._bus.publish(STREAM, _meta(file_id), about, _ROLLUP, timeout=_CHUNK_SECONDS)
        except _AWAY as error:
            raise NotStored(f"the object store failed: {type(error).__name__}") from error

    async def read(self, file_id: UUID) -> AsyncIterator[bytes]:
        """The bytes, chunk by chunk. Raises Gone or NotStored."""
        try:
            told = await self._bus.js.get_last_msg(STREAM, _meta(file_id))
            about = json.loads(told.data or b"{}")
            seq = 0
            for _ in range(about["chunks"]):
                chunk = await self._bus.js.get_msg(STREAM, seq + 1, _chunks(file_id), next=True)
                seq = chunk.seq or 0
                yield chunk.data or b""
        except (nats.js.errors.NotFoundError, KeyError, ValueError) as error:
            raise Gone("the file is no longer in the object store") from error
        except _AWAY as error:
            raise NotStored(f"the object store did not answer: {type(error).__name__}") from error

    async def erase(self, file_id: UUID) -> None:
        """Leave nothing of it. Raises NotStored."""
        try:
            await self._purge(_meta(file_id))
            await self._purge(_chunks(file_id))
        except _AWAY as error:
            raise NotStored(f"the object store failed: {type(error).__name__}") from error

    async def _purge(self, subject: str) -> None:
        await self._bus.js.purge_stream(STREAM, subject=subject)


def _chunks(file_id: UUID) -> str:
    return f"$O.{FILES_STORE}.C.{file_id.hex}"


def _meta(file_id: UUID) -> str:
    return f"$O.{FILES_STORE}.M.{base64.urlsafe_b64encode(str(file_id).encode()).decode()}"


def _about(file_id: UUID, spool: Spool, chunks: int) -> dict[str, object]:
    return {
        "name": str(file_id),
        "bucket": FILES_STORE,
        "nuid": file_id.hex,
        "size": spool.size,
        "chunks": chunks,
        "digest": f"SHA-256={base64.urlsafe_b64encode(spool.digest).decode()}",
        "mtime": datetime.now(UTC).isoformat(),
        "options": {"max_chunk_size": PART},
    }
