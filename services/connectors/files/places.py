"""Where the bytes are kept: the object store of the bus, or S3. An object is named by the id of its file."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from services.connectors.files.jetstream import ObjectStore
from services.connectors.files.spool import Spool

if TYPE_CHECKING:
    from services.connectors.settings import ConnectorsSettings
    from services.runtime.bus import Bus


class Place(Protocol):
    """Keeps objects. Each method raises NotStored when the place is away, `read` Gone when it has none."""

    async def put(self, file_id: UUID, spool: Spool) -> None:
        """Return once all of it is safe. What was there under this id is replaced."""

    def read(self, file_id: UUID) -> AsyncIterator[bytes]:
        """The bytes, part by part."""

    async def erase(self, file_id: UUID) -> None:
        """Leave nothing of it; nothing happens if there is nothing."""


def place_of(settings: "ConnectorsSettings", bus: "Bus") -> Place:
    """The place that settings name. Raises ValueError when they name none that there is."""
    if not settings.files_url:
        return ObjectStore(bus)
    # Loaded only where it is used: it is large, and an extra.
    from services.connectors.files.s3 import Bucket

    key, secret = settings.files_key, settings.files_secret
    return Bucket(settings.files_url, key.get_secret_value(), secret.get_secret_value())
