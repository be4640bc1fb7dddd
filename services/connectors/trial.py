"""Trying a delivery out without a hub: nothing is stored, nothing is published."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from contracts.contract import plain
from services.connectors.definitions import channel_of
from services.connectors.definitions.channel import Channel
from services.connectors.domain import Delivery, Verdict
from services.connectors.errors import Refused, Unreadable
from services.connectors.inlets import answers
from services.connectors.inlets.answers import Answer
from services.connectors.reading.rawhttp import Request, read_http
from services.connectors.usecases.outcome import outcome_of
from services.connectors.verify import SCHEMES

Format = Literal["http", "eml", "json", "body"]
_TYPES = {"eml": "message/rfc822", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class Trial:
    """What would become of a delivery. `event` is the vendor's event."""

    verdict: Verdict
    reason: str
    event: str = "unknown"
    events: list[dict[str, Any]] = field(default_factory=list)
    answer: Answer = field(default_factory=lambda: Answer(200))


def try_delivery(
    kind: str,
    settings: Mapping[str, Any],
    raw: bytes,
    format: Format,
    *,
    name: str = "trial",
    secrets: Mapping[str, str] | None = None,
    at: datetime | None = None,
    **more: Any,
) -> Trial:
    """Try a delivery on a channel of `kind`; `more` is the rest of its definition: mapping, title.

    `secrets` gives values to `${NAME}` references; the environment does without it. Raises
    DefinitionErrors when the settings are wrong.
    """
    definition = {"kind": kind, "settings": dict(settings), **more}
    return try_channel(channel_of(name, definition, secrets), raw, format, at=at)


def try_channel(channel: Channel, raw: bytes, format: Format, *, at: datetime | None = None) -> Trial:
    """Try a delivery on a channel, as if it came at `at`."""
    manifest = channel.kind.manifest
    try:
        request = _request(channel, raw, format)
        verification = manifest.verification
        if format == "http":
            SCHEMES[verification.scheme](verification, channel.secrets, request.headers, request.body)
    except Unreadable as error:
        return Trial("rejected", str(error), answer=answers.problem(400, str(error)))
    except Refused as error:
        answer = answers.refused(channel, {}, error.status, error.reason)
        return Trial("rejected", error.reason, answer=answer)
    if request.method == "OPTIONS":
        answer = answers.preflight(channel, request.headers)
        return Trial("ignored", "a browser asks before it posts", "preflight", answer=answer)
    if format == "http" and request.method not in manifest.methods:
        reason = f"this channel takes {', '.join(manifest.methods)} only"
        return Trial("rejected", reason, answer=answers.refused(channel, {}, 405, reason))
    return _parsed(channel, request, at or datetime.now(UTC))


def _request(channel: Channel, raw: bytes, format: Format) -> Request:
    if format == "http":
        return read_http(raw)
    kind = _TYPES.get(format, channel.kind.manifest.example_type)
    return Request("POST", f"/in/{channel.name}", headers={"content-type": kind}, body=raw)


def _parsed(channel: Channel, request: Request, at: datetime) -> Trial:
    kept = {*channel.kept_headers, "mail-from", "rcpt-to"}
    delivery = Delivery(
        channel.name,
        channel.kind.name,
        request.body,
        at,
        {name: value for name, value in request.headers.items() if name in kept},
        request.query,
        request.method,
    )
    outcome = outcome_of(channel, delivery)
    found = [plain(one.fact) for one in outcome.found]
    answer = answers.stored(channel, request.headers, delivery.id)
    return Trial(outcome.verdict, outcome.reason, outcome.event, found, answer)
