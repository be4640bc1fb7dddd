"""Files that cannot be taken just now: told to people, and no matter for the others."""

from collections.abc import Sequence

import structlog
from prometheus_client import Gauge

from services.connectors.drivers.inlet import Inlet, Unreachable

log = structlog.get_logger()
STUCK = Gauge("leadwire_folder_stuck", "Dropped files that cannot be read or moved away.", ["channel"])


class Stuck(Unreachable):
    """One file cannot be taken; the text says why and what to do, without its name."""


class Troubles:
    """Files that cannot be taken, by name, and `why`: in the state for people, and once in the log."""

    def __init__(self, inlet: Inlet) -> None:
        self._inlet = inlet
        self.why: dict[str, str] = {}

    def met(self, name: str, why: str) -> None:
        """This one cannot be taken. The log does not name it: a name may be a person's."""
        if name not in self.why:
            log.warning("folder.stuck", channel=self._inlet.channel.name, why=why)
        self.why[name] = why

    def tell(self, lying: Sequence[str]) -> None:
        """Say how it stands, given the files that lie there."""
        self.why = {name: self.why[name] for name in lying if name in self.why}
        STUCK.labels(self._inlet.channel.name).set(len(self.why))
        if not self.why:
            self._inlet.state("watching")
            return
        first, why = next(iter(self.why.items()))
        number = "1 file" if len(self.why) == 1 else f"{len(self.why)} files"
        self._inlet.state(f"watching, but {number} cannot be taken", f": {first[:60]!r}: {why}")

    def end(self) -> None:
        """Another process looks now, or nobody."""
        STUCK.labels(self._inlet.channel.name).set(0)
