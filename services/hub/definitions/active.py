"""Sets on the bus: which one is active, which were before, and the parts of each.

The layout of the bucket is the runtime's: `active` names a version, `parts.<version>.<part>` holds it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import nats.errors
import nats.js.errors

from services.hub.definitions.parts import Part
from services.hub.topology import SERVICES
from services.runtime.bus import Bus
from services.runtime.publishing import BusUnavailable
from services.runtime.streams import DEFINITIONS_BUCKET

ACTIVE = "active"


@dataclass(frozen=True)
class Activation:
    """One time that a set was made active."""

    version: str
    at: str
    by: str

    @classmethod
    def of(cls, raw: bytes) -> "Activation":
        """Read what `activate` wrote."""
        said = json.loads(raw)
        return cls(str(said["version"]), str(said.get("at", "")), str(said.get("by", "")))


async def active(bus: Bus) -> Activation | None:
    """The active set; None when nothing was ever applied. Raises BusUnavailable."""
    raw = await _read(bus, ACTIVE)
    return Activation.of(raw) if raw is not None else None


async def earlier(bus: Bus) -> list[Activation]:
    """The last activations that the bucket remembers, the newest first."""
    bucket = await bus.kv(DEFINITIONS_BUCKET)
    try:
        entries = await bucket.history(ACTIVE)
    except nats.js.errors.NoKeysError:
        return []
    except (nats.errors.Error, nats.js.errors.Error) as error:
        raise BusUnavailable(f"definitions: {type(error).__name__}") from error
    return [Activation.of(entry.value) for entry in reversed(entries) if entry.value]


async def parts_of(bus: Bus, version: str) -> dict[str, Part] | None:
    """Every part of a version; None when one is not there. Raises BusUnavailable."""
    found: dict[str, Part] = {}
    for service in SERVICES:
        raw = await _read(bus, f"parts.{version}.{service}")
        if raw is None:
            return None
        found[service] = json.loads(raw)
    return found


def merged(parts: Mapping[str, Part] | None) -> dict[str, Any]:
    """The set as one mapping of top-level keys."""
    return {key: value for part in (parts or {}).values() for key, value in part.items()}


async def activate(bus: Bus, version: str, *, by: str, at: datetime) -> None:
    """The one write that makes a staged set active everywhere. Raises BusUnavailable."""
    bucket = await bus.kv(DEFINITIONS_BUCKET)
    said = {"version": version, "at": at.isoformat(), "by": by}
    try:
        await bucket.put(ACTIVE, json.dumps(said).encode())
    except (nats.errors.Error, nats.js.errors.Error) as error:
        raise BusUnavailable(f"definitions: {type(error).__name__}") from error


async def _read(bus: Bus, key: str) -> bytes | None:
    bucket = await bus.kv(DEFINITIONS_BUCKET)
    try:
        return (await bucket.get(key)).value or b""
    except nats.js.errors.KeyNotFoundError:
        return None
    except (nats.errors.Error, nats.js.errors.Error) as error:
        raise BusUnavailable(f"definitions: {type(error).__name__}") from error
