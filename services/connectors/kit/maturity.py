"""How far a kind has come: computed from its folder, never declared."""

from dataclasses import dataclass
from typing import Literal

from services.connectors.catalog.kinds import Kind
from services.connectors.errors import Refused
from services.connectors.inlets.gate import admit
from services.connectors.kit.answers import answers_of
from services.connectors.kit.recorded import Citations, Fixture, fixtures_of

Level = Literal["draft", "ready", "proven"]
# Nothing is computed from a secret that is only compared.
_UNSIGNED = frozenset({"none", "shared_secret", "basic"})
_HOW = ("published", "computed")
# The mark of a source that only says what was taken for granted: it shows nothing of a vendor.
_ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Maturity:
    """The level, and what is missing for `ready`."""

    level: Level
    missing: tuple[str, ...] = ()
    vector: str = ""

    def __str__(self) -> str:
        return self.level


def maturity(kind: Kind) -> Maturity:
    """`ready`: every accepted event has a recording with a cited source, all recordings come out as
    expected, a signature verifies. `proven`: seen live as well.
    """
    recordings = fixtures_of(kind)
    cited = Citations.of(kind)
    missing = [
        *_unexpected(recordings),
        *_uncited(kind, recordings, cited),
        *_unsigned(kind, recordings, cited),
        *_unsent(kind, cited),
    ]
    vector = cited.signature.get("how", "") if kind.manifest.verification.scheme not in _UNSIGNED else ""
    if missing:
        return Maturity("draft", tuple(missing), vector)
    return Maturity("proven" if kind.manifest.proven else "ready", vector=vector)


def _unexpected(recordings: list[Fixture]) -> list[str]:
    return [
        f"{one.path.name} does not come out as expected" for one in recordings if one.told() != one.expected
    ]


def _uncited(kind: Kind, recordings: list[Fixture], cited: Citations) -> list[str]:
    known = {source.mark for source in kind.manifest.sources}
    unknown = sorted(set(cited.fixtures.values()) - known)
    shown = {
        one.event
        for one in recordings
        if one.expected.get("verdict") == "accepted" and cited.source_of(one) in known
    }
    accepted = {event for event, fate in kind.manifest.events.items() if fate == "accepted"}
    missing = [f"no recording of {event} has a cited source" for event in sorted(accepted - shown)]
    return [*missing, *(f"the source {mark} is not in the manifest" for mark in unknown)]


def _unsigned(kind: Kind, recordings: list[Fixture], cited: Citations) -> list[str]:
    if kind.manifest.verification.scheme == "none":
        return []
    named = cited.signature.get("fixture")
    found = next((one for one in recordings if one.path.name == named), None)
    if kind.manifest.verification.scheme in _UNSIGNED and found is None:
        found = next((one for one in recordings if proves_itself(one)), None)
        return [] if found else ["no .http recording holds the channel's secret"]
    if found is None:
        return ["[signature] in SOURCES.toml names no recording"]
    if cited.signature.get("how") not in _HOW:
        return [f"[signature] must say how: {' or '.join(_HOW)}"]
    if cited.signature.get("source") not in {source.mark for source in kind.manifest.sources}:
        return ["[signature] names no source of the manifest"]
    return [] if proves_itself(found) else [f"the signature of {named} does not verify"]


def _unsent(kind: Kind, cited: Citations) -> list[str]:
    """What is missing of sending: the vendor's answers to what it takes and refuses, their sources."""
    if kind.manifest.sending is None or kind.manifest.sending.connection:
        return []
    known = {source.mark for source in kind.manifest.sources}
    recorded = answers_of(kind)
    found = [one for one in recorded if cited.source_named(one.path.name) != _ASSUMED]
    told = {str(one.told()["outcome"]) for one in found}
    missing = [f"{one.path.name} does not come out as expected" for one in recorded if not one.as_expected]
    missing += [
        f"{one.path.name} has no cited source"
        for one in recorded
        if cited.source_named(one.path.name) not in known
    ]
    if "sent" not in told or not told - {"sent"}:
        missing.append("no send__*.http shows what the vendor answers to a message, and when it refuses one")
    return missing


def proves_itself(recording: Fixture) -> bool:
    """Whether it is a request that the inlet lets in and keeps."""
    if recording.format != "http":
        return False
    try:
        reply = admit(recording.channel, recording.presented())
    except Refused:
        return False
    return reply is None or reply.store
