"""Making a set active: every owner takes its part first, then one write; all of it or none.

Whatever dies before the write leaves the set before in force, whole; after it, the new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.hub.definitions import active
from services.hub.definitions.findings import DefinitionsRefused, Finding
from services.hub.definitions.load import Loaded
from services.hub.definitions.parts import Part
from services.hub.partners import Partners
from services.runtime.bus import AnswerRefused, Bus, Unanswered
from services.runtime.questions import subject

_STAGE_SECONDS = 15.0


class NotStaged(Exception):
    """A service could not be asked to take its part; nothing was changed."""

    def __init__(self, service: str, why: str) -> None:
        super().__init__(f"{service} did not take its part: {why}")
        self.service = service


@dataclass(frozen=True)
class DefinitionSet:
    """A set to be made active; `loaded` knows the lines, where it comes from files."""

    version: str
    parts: Mapping[str, Part]
    loaded: Loaded = field(default_factory=Loaded)


async def apply(bus: Bus, wanted: DefinitionSet, partners: Partners, *, by: str, at: datetime) -> list[str]:
    """Stage the set, make it active; what people should know about it, one line each.

    Raises DefinitionsRefused, NotStaged, HubProblem, BusUnavailable.
    """
    await stage(bus, wanted)
    notes = await partners.admit(wanted.parts)
    await active.activate(bus, wanted.version, by=by, at=at)
    await partners.settle(wanted.parts)
    return notes


async def stage(bus: Bus, wanted: DefinitionSet) -> None:
    """Have every owner take its part; nothing is active by this. Raises DefinitionsRefused, NotStaged."""
    findings: list[Finding] = []
    for service, part in wanted.parts.items():
        try:
            answer = await bus.request(
                subject(service, "stage"), {"version": wanted.version, "part": part}, _STAGE_SECONDS
            )
        except (Unanswered, AnswerRefused) as problem:
            raise NotStaged(service, str(problem)) from problem
        for error in answer["errors"]:
            place = wanted.loaded.place(error["path"])
            findings.append(Finding(place.file, place.line, error["path"], error["message"], error["remedy"]))
    if findings:
        raise DefinitionsRefused(findings)
