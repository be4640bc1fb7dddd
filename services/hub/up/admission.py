"""Partners of the embedded bus: accounts by configuration, an ingress stream each."""

from collections.abc import Mapping
from datetime import timedelta

from services.hub.definitions.parts import Part
from services.hub.engines.engines import Engines
from services.hub.engines.errors import EngineError
from services.hub.errors import HubProblem
from services.hub.partners import partners_in
from services.runtime.bus import Bus
from services.runtime.provision import ProvisionRefused, provision
from services.runtime.settings import Settings
from services.runtime.streams import ingress_stream


class Admission:
    """Keeps the accounts of the bus in step with the active definitions."""

    def __init__(self, engines: Engines, bus: Bus, settings: Settings, admitted: list[str]) -> None:
        self._engines = engines
        self._bus = bus
        self._settings = settings
        self._admitted = set(admitted)

    async def admit(self, parts: Mapping[str, Part]) -> list[str]:
        """Account and stream for every partner of the set. Raises HubProblem."""
        wanted = set(partners_in(parts))
        new = sorted(wanted - self._admitted)
        await self._let_in(self._admitted | wanted)
        keep = timedelta(days=self._settings.keep_intake_days)
        streams = [ingress_stream(partner, keep) for partner in sorted(wanted)]
        try:
            await provision(self._bus, streams, replicas=self._settings.nats_replicas)
        except ProvisionRefused as refused:
            raise HubProblem(str(refused), "Nothing was changed.") from refused
        return [f"{partner} may publish from now on." for partner in new]

    async def settle(self, parts: Mapping[str, Part]) -> None:
        """Shut out who the active set no longer names. Raises HubProblem."""
        await self._let_in(set(partners_in(parts)))

    async def _let_in(self, partners: set[str]) -> None:
        if partners == self._admitted:
            return
        try:
            await self._engines.reload_partners(sorted(partners))
        except EngineError as refused:
            raise HubProblem(
                f"The bus does not admit its partners: {refused.problem}.", refused.remedy
            ) from None
        self._admitted = partners
