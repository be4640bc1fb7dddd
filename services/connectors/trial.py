"""Trying a delivery out without a hub: nothing is stored, nothing is published."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from contracts.contract import Fact, plain
from services.connectors.catalog.manifest import HTTP
from services.connectors.definitions import channel_of
from services.connectors.definitions.channel import Channel
from services.connectors.domain import Delivery, Verdict
from services.connectors.domain.call import Call, call_name
from services.connectors.errors import Refused, Unreadable
from services.connectors.inlets import answers
from services.connectors.inlets.answers import Answer
from services.connectors.inlets.gate import admit, delivery_of, opening
from services.connectors.reading.frames import transcript
from services.connectors.reading.rawhttp import Request, read_http
from services.connectors.usecases.further import fact_id, told_of
from services.connectors.usecases.outcome import Outcome, outcome_of
from services.connectors.verify import Presented

# http: a whole request · stream: what a socket wrote · the others are bodies
Format = Literal["http", "eml", "json", "body", "stream"]
_TYPES = {"eml": "message/rfc822", "json": "application/json"}
_HOST = "https://hub.example"


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


def try_channel(
    channel: Channel, raw: bytes, format: Format, *, at: datetime | None = None, peer: str | None = None
) -> Trial:
    """Try a delivery on a channel, as if it came at `at` from `peer`."""
    at = at or datetime.now(UTC)
    try:
        if format == "http":
            return _try_request(channel, presented(channel, read_http(raw), at, peer))
        deliveries = list(bare(channel, raw, format, at))
    except Unreadable as error:
        return Trial("rejected", str(error), answer=answers.problem(400, str(error)))
    answer = answers.owing(channel.kind.manifest.answer, channel, Presented("POST", raw, at))
    if channel.kind.manifest.answer.style == "browser":
        request = Presented("POST", raw, at, deliveries[0].headers)
        answer = answers.stored(channel, request, deliveries[0].id)
    return _told(channel, deliveries, answer)


def presented(channel: Channel, request: Request, at: datetime, peer: str | None = None) -> Presented:
    """A recorded request as the inlet would see it. Without a peer it comes from an allowed address."""
    networks = channel.settings.texts(channel.kind.manifest.verification.networks)
    peer = peer or next((network.partition("/")[0] for network in networks), "127.0.0.1")
    # /in/<channel>/<rest>
    path = request.path.lstrip("/").split("/", 2)[2:]
    base = channel.settings.text("public_url").rstrip("/")
    base = base or (f"https://{request.headers['host']}" if "host" in request.headers else _HOST)
    url = f"{base}{request.path}?{request.query}" if request.query else f"{base}{request.path}"
    rest = path[0] if path else ""
    return Presented(request.method, request.body, at, request.headers, rest, request.query, url, peer)


def _try_request(channel: Channel, request: Presented) -> Trial:
    if channel.transport not in HTTP:
        kind = channel.kind
        raise Unreadable(
            f"{kind.name} does not come by HTTP: hand over what {kind.manifest.transport} brings"
        )
    try:
        asks = request.method == "OPTIONS"
        reply = opening(channel, request) if asks else admit(channel, request)
    except Refused as error:
        return Trial("rejected", error.reason, answer=answers.refused(channel, request.headers, error))
    if asks and reply is None:
        answer = answers.preflight(channel, request.headers)
        return Trial("ignored", "a browser asks before it posts", "preflight", answer=answer)
    if reply is not None and not reply.store:
        answer = answers.owing(reply, channel, request)
        return Trial("ignored", "it is answered and no more", reply.event, answer=answer)
    delivery = delivery_of(channel, request)
    return _told(channel, [delivery], answers.stored(channel, request, delivery.id, reply))


def bare(channel: Channel, raw: bytes, format: Format, at: datetime) -> Iterable[Delivery]:
    """What a file without a request holds: one delivery, or as many as a stream falls into.

    Raises Unreadable.
    """
    manifest = channel.kind.manifest
    headers = {"content-type": _TYPES.get(format, manifest.example_type)}
    if format == "stream" and manifest.framing:
        frames = transcript(manifest.framing, raw)
        if not frames:
            raise Unreadable("the stream holds no whole frame")
    else:
        frames = [raw]
    for frame in frames:
        yield Delivery(channel.name, channel.kind.name, frame, at, headers)


def _told(channel: Channel, deliveries: list[Delivery], answer: Answer) -> Trial:
    outcomes = [outcome_of(channel, delivery).guarded() for delivery in deliveries]
    shown = next((one for one in outcomes if one.verdict == "accepted"), outcomes[0])
    events = [{"type": fact.TYPE, **plain(fact)} for fact in facts_in(outcomes)]
    return Trial(shown.verdict, shown.reason, shown.event, events, answer)


def facts_in(outcomes: Iterable[Outcome]) -> list[Fact]:
    """The facts that these outcomes come to where nothing was known before."""
    facts: list[Fact] = []
    seen: set[UUID] = set()
    calls: dict[str, Call] = {}
    for outcome in outcomes:
        once = [(found.fact.interaction_id, found.fact) for found in outcome.found]
        for known, fact in (*once, *((fact_id(told), told) for told in outcome.told)):
            if known not in seen:
                seen.add(known)
                facts.append(fact)
        for part in outcome.calls:
            name = call_name(part.call)
            calls[name], news = told_of(calls.get(name, Call(name)), part, outcome.delivery)
            facts += news
    return facts
