"""The fixtures of every kind, found by folder: what goes in, and what is expected to come out."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.connectors.catalog.kinds import Kind, catalogue
from services.connectors.definitions import channel_of
from services.connectors.definitions.channel import Channel
from services.connectors.domain import Delivery
from services.connectors.reading.rawhttp import read_http
from services.connectors.trial import Format, Trial, try_channel

AT = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
PAGE_TEXT = re.compile(r"<p>(.*)</p>")
FORMATS: dict[str, Format] = {".http": "http", ".eml": "eml", ".json": "json", ".body": "body"}


@dataclass(frozen=True)
class Fixture:
    """One captured delivery of a kind. The part of its name before `__` is the vendor's event."""

    kind: Kind
    path: Path

    @property
    def id(self) -> str:
        return f"{self.kind.name}/{self.path.name}"

    @property
    def event(self) -> str:
        return self.path.name.partition("__")[0]

    @property
    def format(self) -> Format:
        return FORMATS[self.path.suffix]

    @property
    def raw(self) -> bytes:
        return self.path.read_bytes()

    @property
    def expected_path(self) -> Path:
        return self.path.with_name(f"{self.path.stem}.expected.json")

    @property
    def expected(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.expected_path.read_text(encoding="utf-8"))
        return found

    @property
    def definition(self) -> dict[str, Any]:
        own = self.path.with_name(f"{self.path.stem}.channel.json")
        path = own if own.exists() else self.path.with_name("channel.json")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def channel(self) -> Channel:
        definition = self.definition
        secrets = definition.pop("secrets", {})
        return channel_of("trial", definition, secrets)

    def delivery(self) -> Delivery:
        """The delivery as the inlet would make it, unproved."""
        channel, raw = self.channel(), self.raw
        headers = {"content-type": channel.kind.manifest.example_type}
        query = ""
        if self.format == "http":
            request = read_http(raw)
            raw, query = request.body, request.query
            headers = {
                name: request.headers[name] for name in channel.kept_headers if name in request.headers
            }
        return Delivery("trial", channel.kind.name, raw, AT, headers, query)

    def tried(self) -> Trial:
        return try_channel(self.channel(), self.raw, self.format, at=AT)


def fixtures_of(kind: Kind) -> list[Fixture]:
    """Every delivery in the kind's folder."""
    return [
        Fixture(kind, path)
        for path in sorted((kind.folder / "fixtures").iterdir())
        if path.suffix in FORMATS
        and path.name != "channel.json"
        and not path.name.endswith((".expected.json", ".channel.json"))
    ]


ALL = [fixture for kind in catalogue().values() for fixture in fixtures_of(kind)]


def plain(trial: Trial) -> dict[str, Any]:
    """A trial as an expectation spells it: without what is left at its default."""
    answer: dict[str, Any] = {"status": trial.answer.status}
    if trial.answer.headers:
        answer["headers"] = trial.answer.headers
    if trial.answer.body:
        body = trial.answer.body.decode()
        answer["body"] = PAGE_TEXT.findall(body)[0] if body.startswith("<!doctype") else body
    told: dict[str, Any] = {"verdict": trial.verdict, "event": trial.event}
    if trial.reason:
        told["reason"] = trial.reason
    if trial.events:
        told["events"] = [_short(event) for event in trial.events]
    return {**told, "answer": answer}


def _short(event: dict[str, Any]) -> dict[str, Any]:
    """A fact without empty values, and without those that are the same in every fixture."""
    same = {"channel", "kind", "received_at", "delivery_id"}
    kept = {
        name: value for name, value in event.items() if name not in same and value not in (None, "", [], {})
    }
    kept["sender"] = {name: value for name, value in event["sender"].items() if value}
    return kept
