"""Outside systems on the bus: who a set of definitions names, and making room for them."""

from collections.abc import Mapping
from typing import Protocol

from services.hub.definitions.parts import Part


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


def partners_in(parts: Mapping[str, Part]) -> list[str]:
    """The partners that the channels of a set name. The set must have passed its check."""
    from services.connectors.definitions import compile

    return sorted(compile(parts.get("connectors", {}), {}).by_partner)
