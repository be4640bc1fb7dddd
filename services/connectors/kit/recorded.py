"""The examples in a kind's folder: recorded deliveries, and what is expected to come of each."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from services.connectors.catalog.kinds import Kind
from services.connectors.definitions import channel_of
from services.connectors.definitions.channel import Channel
from services.connectors.domain import Delivery
from services.connectors.inlets.gate import delivery_of
from services.connectors.reading.rawhttp import read_http
from services.connectors.trial import Format, Trial, bare, presented, try_channel
from services.connectors.verify import Presented

# Recorded deliveries came at this time unless their definition says another.
AT = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
FORMATS: dict[str, Format] = {
    ".http": "http",
    ".eml": "eml",
    ".json": "json",
    ".body": "body",
    ".txt": "stream",
}
SOURCES = "SOURCES.toml"
_PAGE_TEXT = re.compile(r"<p>(.*)</p>")
# What a vendor answered when a message was sent: see `answers`.
ANSWERS = "send__"
_BESIDE = (".expected.json", ".channel.json")


@dataclass(frozen=True)
class Fixture:
    """One recorded delivery of a kind. The part of its name before `__` is the vendor's event."""

    kind: Kind
    path: Path

    @property
    def id(self) -> str:
        """How it is called in tests."""
        return f"{self.kind.name}/{self.path.name}"

    @property
    def event(self) -> str:
        """The vendor's event."""
        return self.path.name.partition("__")[0]

    @property
    def format(self) -> Format:
        """How the file is to be read."""
        return FORMATS[self.path.suffix]

    @cached_property
    def raw(self) -> bytes:
        """The recording."""
        return self.path.read_bytes()

    @property
    def expected_path(self) -> Path:
        """The file with what is expected."""
        return self.path.with_name(f"{self.path.stem}.expected.json")

    @cached_property
    def expected(self) -> dict[str, Any]:
        """What is expected to come of it; empty while nothing is written down."""
        if not self.expected_path.exists():
            return {}
        found: dict[str, Any] = json.loads(self.expected_path.read_text(encoding="utf-8"))
        return found

    @cached_property
    def definition(self) -> dict[str, Any]:
        """The channel it came to: its own, or the one of the whole folder."""
        own = self.path.with_name(f"{self.path.stem}.channel.json")
        path = own if own.exists() else self.path.with_name("channel.json")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    @property
    def at(self) -> datetime:
        """When it came."""
        told = self.definition.get("at")
        return datetime.fromisoformat(told) if told else AT

    @cached_property
    def channel(self) -> Channel:
        """The channel, its secrets with the values of the recording."""
        return self.channel_with(self.definition.get("secrets", {}))

    def channel_with(self, secrets: Mapping[str, str]) -> Channel:
        """The channel with other values of its secrets."""
        beside = ("secrets", "at", "peer")
        definition = {name: value for name, value in self.definition.items() if name not in beside}
        return channel_of("trial", definition, secrets)

    def presented(self) -> Presented:
        """The request of a `.http` recording."""
        return presented(self.channel, read_http(self.raw), self.at, self.definition.get("peer"))

    def deliveries(self) -> list[Delivery]:
        """The deliveries as the inlet would make them, unproved. Raises Unreadable."""
        if self.format == "http":
            return [delivery_of(self.channel, self.presented())]
        return list(bare(self.channel, self.raw, self.format, self.at))

    def tried(self) -> Trial:
        """What comes of it."""
        peer = self.definition.get("peer")
        return try_channel(self.channel, self.raw, self.format, at=self.at, peer=peer)

    def told(self) -> dict[str, Any]:
        """What comes of it, as an expectation spells it."""
        told = plain(self.tried())
        if self.format != "http":
            del told["answer"]
        return told


@dataclass(frozen=True)
class Citations:
    """Where a kind's recordings come from, as its SOURCES.toml says."""

    fixtures: Mapping[str, str]
    signature: Mapping[str, str]

    @classmethod
    def of(cls, kind: Kind) -> "Citations":
        """Those of a kind; none while the file is missing."""
        path = kind.folder / "fixtures" / SOURCES
        found = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return cls(found.get("fixtures", {}), found.get("signature", {}))

    def source_of(self, fixture: Fixture) -> str | None:
        """The mark of its source: that of the first pattern it matches."""
        return self.source_named(fixture.path.name)

    def source_named(self, name: str) -> str | None:
        """The mark of the source of the file of this name."""
        return next((mark for pattern, mark in self.fixtures.items() if fnmatchcase(name, pattern)), None)


def fixtures_of(kind: Kind) -> list[Fixture]:
    """Every recorded delivery in the kind's folder."""
    folder = kind.folder / "fixtures"
    return [
        Fixture(kind, path)
        for path in sorted(folder.iterdir() if folder.exists() else ())
        if path.suffix in FORMATS
        and path.name != "channel.json"
        and not path.name.endswith(_BESIDE)
        and not path.name.startswith(ANSWERS)
    ]


def plain(trial: Trial) -> dict[str, Any]:
    """A trial as an expectation spells it: without what is left at its default."""
    answer: dict[str, Any] = {"status": trial.answer.status}
    if trial.answer.headers:
        answer["headers"] = trial.answer.headers
    if trial.answer.body:
        body = trial.answer.body.decode("utf-8", "replace")
        answer["body"] = _PAGE_TEXT.findall(body)[0] if body.startswith("<!doctype") else body
    told: dict[str, Any] = {"verdict": trial.verdict, "event": trial.event}
    if trial.reason:
        told["reason"] = trial.reason
    if trial.events:
        told["events"] = [_short(event) for event in trial.events]
    return {**told, "answer": answer}


def _short(event: dict[str, Any]) -> dict[str, Any]:
    """A fact without empty values, and without those that are the same in every recording."""
    same = {"channel", "kind", "received_at", "delivery_id"}
    return {
        name: _filled(value)
        for name, value in event.items()
        if name not in same and _filled(value) not in (None, "", [], {})
    }


def _filled(value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(one) for one in value]
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if inner not in (None, "", [], {})}
    return value
