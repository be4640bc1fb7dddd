"""How the drivers of channels stand, as any replica can read it on the bus."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from services.connectors.catalog.manifest import DRIVEN
from services.connectors.definitions.channel import Channel
from services.connectors.drivers.inlet import Unreachable
from services.runtime.bus import Bus, BusUnavailable
from services.runtime.slots import Overtaken, Slot
from services.runtime.streams import INLETS_BUCKET

# Who has the second lease works beside the first: a channel that either drives is driven.
LEASES = ("leader", "beside")
UNKNOWN, NOBODY, CLOSED = "unknown", "waiting to be tried again", "closed"
# In these it may still be in trouble.
_UNSETTLED = frozenset({"", "connecting", UNKNOWN, NOBODY})
_READ_SECONDS = 2.0


class DriverView(BaseModel):
    """The driver of one channel that we fetch or listen for."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "state": "connected",
                "since": "2026-01-15T10:00:00Z",
                "holder": "4711-0c9d",
                "trouble": "",
            }
        }
    )

    state: str = Field(description="How it stands, in words, such as connected.")
    since: datetime | None = Field(default=None, description="Since when it stands like this.")
    holder: str = Field(default="", description="The process that has it; empty while none has.")
    trouble: str = Field(default="", description="Why it ended last, while it does not work again.")


async def standing(bus: Bus, channels: Iterable[Channel]) -> dict[str, DriverView]:
    """Those of all channels that have a driver. What the bus does not tell in time is unknown."""
    driven = [channel for channel in channels if channel.transport in DRIVEN]
    found = await asyncio.gather(*(_standing(bus, channel) for channel in driven))
    return {channel.name: view for channel, view in zip(driven, found, strict=True)}


async def tell_trouble(bus: Bus, channel: Channel, error: Exception, at: datetime) -> None:
    """Let people read why a driver ended."""
    told = json.dumps({"why": why_of(error)[:300], "at": at.isoformat()}).encode()
    slot = Slot(bus, INLETS_BUCKET, f"trouble.{channel.name}")
    with suppress(BusUnavailable, Overtaken, TimeoutError):
        async with asyncio.timeout(_READ_SECONDS):
            await slot.write(told, (await slot.read())[1])


def why_of(error: Exception) -> str:
    """Why a driver ended. What it did not put into words is only named: its text may hold a file's name."""
    if isinstance(error, Unreachable):
        return str(error)
    name = type(error).__name__
    if isinstance(error, OSError):
        return f"it broke off ({error.strerror or name}); it is tried again"
    return f"it failed ({name}): see the log of connectors"


async def _standing(bus: Bus, channel: Channel) -> DriverView:
    if channel.missing:
        return DriverView(state=CLOSED)
    try:
        async with asyncio.timeout(_READ_SECONDS):
            first, second, trouble = await asyncio.gather(
                *(_read(bus, f"{key}.{channel.name}") for key in (*LEASES, "trouble"))
            )
    except (BusUnavailable, TimeoutError):
        return DriverView(state=UNKNOWN)
    lease = first or second
    state = lease.get("state", "connecting") if lease else NOBODY
    since, failed = _moment(lease.get("since", "")), _moment(trouble.get("at", ""))
    still = state in _UNSETTLED or (since is not None and failed is not None and failed > since)
    holder = lease.get("holder", "").partition("-")
    return DriverView(
        state=state,
        since=since,
        holder="-".join((holder[0], holder[2][:8])) if holder[2] else holder[0],
        trouble=trouble.get("why", "") if still else "",
    )


async def _read(bus: Bus, key: str) -> dict[str, str]:
    value, _ = await Slot(bus, INLETS_BUCKET, key).read()
    try:
        found = json.loads(value) if value else {}
    except ValueError:
        return {}
    return {name: str(one) for name, one in found.items()} if isinstance(found, dict) else {}


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return None
