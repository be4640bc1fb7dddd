"""Outside systems on the bus: who a set of definitions names, and making room for them."""

from collections.abc import Mapping
from typing import Protocol

import nats.errors
import nats.js.errors

from services.hub.definitions.parts import Part
from services.runtime.bus import Bus
from services.runtime.publishing import BusUnavailable
from services.runtime.streams import ingress_stream


class Partners(Protocol):
    """Whoever runs the bus's accounts."""

    async def admit(self, parts: Mapping[str, Part]) -> list[str]:
        """Let in who a staged set names, before it is active; what people should know, one line each."""
        ...

    async def settle(self, parts: Mapping[str, Part]) -> None:
        """Let in nobody else, once the set is active."""
        ...


class AdmittedElsewhere:
    """Where accounts and streams of partners are made by whoever deploys the bus."""

    async def admit(self, _parts: Mapping[str, Part]) -> list[str]:
        """Nothing to do here."""
        return []

    async def settle(self, _parts: Mapping[str, Part]) -> None:
        """Nothing to do here."""


class AdmittedByProvision:
    """Where `leadwire provision` makes accounts and streams, and partners wait for its next run."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def admit(self, parts: Mapping[str, Part]) -> list[str]:
        """Name those who have to wait. Raises BusUnavailable."""
        return [
            f"{partner} is let in by the next run of leadwire provision."
            for partner in partners_in(parts)
            if not await self._has_stream(partner)
        ]

    async def settle(self, _parts: Mapping[str, Part]) -> None:
        """The next run shuts out who is named no longer."""
        return

    async def _has_stream(self, partner: str) -> bool:
        try:
            await self._bus.js.stream_info(ingress_stream(partner).name)
        except nats.js.errors.NotFoundError:
            return False
        except (nats.errors.Error, nats.js.errors.Error) as error:
            raise BusUnavailable(f"stream of {partner}: {type(error).__name__}") from error
        return True


def partners_in(parts: Mapping[str, Part]) -> list[str]:
    """The partners that the channels of a set name. The set must have passed its check."""
    from services.connectors.definitions import compile

    return sorted(compile(parts.get("connectors", {}), {}).by_partner)
