"""The whole way of an enquiry, asked of every service: who did what, where it waits, where it is parked."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.hub.topology import SERVICES
from services.runtime.bus import AnswerRefused, Unanswered
from services.runtime.questions import subject

ROUNDS = 4
PATIENCE_SECONDS = 1.0
_MOST_NAMES = 500


class Asked(Protocol):
    """Whoever carries questions: the bus."""

    async def request(self, subject: str, payload: Mapping[str, Any], timeout: float = ...) -> dict[str, Any]:
        """Raises Unanswered or AnswerRefused."""
        ...


@dataclass
class Path:
    """What is known of an enquiry. Rows hold their service; entries are sorted by time."""

    asked: str
    correlations: list[str] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    parked: list[dict[str, Any]] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)


async def trace(bus: Asked, name: str) -> Path:
    """Follow a name through all services. Without any trace of it the path is empty."""
    return await _Search(bus, name.strip()).run()


class _Search:
    def __init__(self, bus: Asked, name: str) -> None:
        self._bus = bus
        self._path = Path(name)
        # Mail programs show Message-IDs in brackets; the journal holds them without.
        self._names = {name, name.removeprefix("<").removesuffix(">")} - {""}
        self._correlations: set[str] = set()
        self._silent: set[str] = set()

    async def run(self) -> Path:
        await self._resolve()
        await self._collect()
        for _ in range(ROUNDS):
            if not await self._linked():
                break
            await self._collect()
        self._path.correlations = sorted(self._correlations)
        self._path.silent = sorted(self._silent)
        return self._path

    async def _resolve(self) -> None:
        """Other names of the same thing, until no service knows another."""
        for _ in range(ROUNDS):
            before = len(self._names)
            for answer in await self._ask_all({"resolve": sorted(self._names)[:_MOST_NAMES]}):
                self._names |= set(answer["names"])
                self._correlations |= set(answer["correlations"])
            if len(self._names) == before:
                return

    async def _linked(self) -> bool:
        """A journal line may name a delivery that joined later: its own enquiry belongs here too.

        Only what is named itself: a contact's other enquiries share the contact, not the way.
        """
        named = {name for entry in self._path.entries for name in entry["names"]}
        unknown = sorted(named - self._correlations)[:_MOST_NAMES]
        if not unknown:
            return False
        found: set[str] = set()
        for answer in await self._ask_all({"resolve": unknown}):
            found |= set(answer["correlations"]) & named
        new = found - self._correlations
        self._correlations |= new
        return bool(new)

    async def _collect(self) -> None:
        if not self._correlations:
            return
        path = self._path
        answers = await self._ask_all({"correlations": sorted(self._correlations)})
        path.entries = _sorted((row for one in answers for row in one["entries"]), "at")
        path.waiting = _sorted((row for one in answers for row in one["timers"]), "due_at")
        path.parked = _sorted((row for one in answers for row in one["parked"]), "parked_at")

    async def _ask_all(self, payload: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every service that still answers; one that does not is named and not asked again."""
        services = [service for service in SERVICES if service not in self._silent]
        answers = await asyncio.gather(*(self._ask(service, payload) for service in services))
        self._silent |= {s for s, answer in zip(services, answers, strict=True) if answer is None}
        return [answer for answer in answers if answer is not None]

    async def _ask(self, service: str, payload: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            return await self._bus.request(subject(service, "trace"), payload, PATIENCE_SECONDS)
        except (Unanswered, AnswerRefused):
            return None


def _sorted(rows: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row[key]))
