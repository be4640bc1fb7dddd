"""One value in a key-value bucket that is changed only by whoever has seen its latest revision.

Source: NATS JetStream, `Nats-Expected-Last-Subject-Sequence`; layout of buckets: NATS ADR-8.
"""

import nats.errors
import nats.js.errors
from nats.js.api import Header

from services.runtime.bus import Bus, BusUnavailable

_NO_MESSAGE = 10037
_WRONG_SEQUENCE = 10071


class Overtaken(Exception):
    """Somebody else has changed the value since we read it."""


class Slot:
    """A value under a key. Nothing is kept here: every call asks the bus."""

    def __init__(self, bus: Bus, bucket: str, key: str) -> None:
        self._bus = bus
        self._stream = f"KV_{bucket}"
        self._subject = f"$KV.{bucket}.{key}"

    async def read(self) -> tuple[bytes | None, int]:
        """The value, None when there is none, and its revision. Raises BusUnavailable."""
        if not self._bus.connected:
            raise BusUnavailable("not connected")
        try:
            found = await self._bus.js.get_last_msg(self._stream, self._subject, direct=False)
        except nats.js.errors.NotFoundError as error:
            if error.err_code != _NO_MESSAGE:
                raise BusUnavailable(f"{self._stream} is missing: run `leadwire provision`") from error
            return None, 0
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise BusUnavailable(f"{self._stream}: {type(error).__name__}") from error
        return found.data or None, found.seq or 0

    async def write(self, value: bytes, after: int, timeout: float = 2.0) -> int:
        """Replace the value that has the revision `after`, 0 for none; the new revision.

        An empty value is as good as none. Raises Overtaken, or BusUnavailable: then it may be written or not.
        """
        headers = {Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(after)}
        try:
            stored = await self._bus.js.publish(self._subject, value, timeout=timeout, headers=headers)
        except nats.js.errors.APIError as error:
            if error.err_code == _WRONG_SEQUENCE:
                raise Overtaken(self._subject) from error
            raise BusUnavailable(f"{self._stream}: {error.description}") from error
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise BusUnavailable(f"{self._stream}: {type(error).__name__}") from error
        return int(stored.seq)
