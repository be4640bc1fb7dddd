"""The HTTP inlet: prove, store, and only then answer. Interprets nothing and needs no database."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from services.connectors.definitions.channel import INLET, Channel, Rules
from services.connectors.errors import NotStored, Refused
from services.connectors.inlets import answers, script
from services.connectors.inlets.answers import Answer
from services.connectors.inlets.gate import admit, delivery_of, not_taken, opening
from services.connectors.inlets.peers import Door
from services.connectors.settings import ConnectorsSettings
from services.connectors.store import raw
from services.connectors.verify import Presented

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()
_EMPTY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_RAW_HEADER = "latin-1"
_LATER = "Nothing of it was kept: hand it over again in a few seconds."
_NAMES = "See that the name after /in/ is spelled as in the definitions that are active."
# Of a vendor's time limit: the rest is for the way there and back.
_SHARE = 0.7


def inlet(host: "Host", settings: ConnectorsSettings, rules: Callable[[], Rules]) -> ASGIApp:
    """One app for every channel. Plain ASGI: nothing is to be validated but bytes."""
    door = Door(settings)

    async def take(scope: Scope, receive: Receive, send: Send) -> None:
        # Their names are lower case already (ASGI).
        headers = {name.decode(_RAW_HEADER): value.decode(_RAW_HEADER) for name, value in scope["headers"]}
        name, _, rest = scope["path"].removeprefix(INLET).partition("/")
        channel = rules().channels.get(name)
        if channel is None and name == script.NAME:
            await _send(script.served(scope["method"], headers), send)
            return
        try:
            answer = await _take(host, settings, channel, door, rest, scope, receive, headers)
        except Refused as refusal:
            answer = answers.refused(channel, headers, refusal)
            log.info("delivery.refused", channel=channel and channel.name, status=refusal.status)
        await _send(answer, send)

    return take


async def _send(answer: Answer, send: Send) -> None:
    given = answer.headers.items()
    headers = [(name.lower().encode(_RAW_HEADER), value.encode(_RAW_HEADER)) for name, value in given]
    if answer.status not in _EMPTY:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _take(
    host: "Host",
    settings: ConnectorsSettings,
    channel: Channel | None,
    door: Door,
    rest: str,
    scope: Scope,
    receive: Receive,
    headers: Mapping[str, str],
) -> Answer:
    if channel is None or channel.transport != "webhook":
        raise _unknown(host)
    manifest = channel.kind.manifest
    base = _base(channel, settings, scope, headers)
    if scope["method"] == "OPTIONS":
        asked = _presented(host, base, rest, scope, headers, b"")
        opened = opening(channel, asked)
        return answers.owing(opened, channel, asked) if opened else answers.preflight(channel, headers)
    if scope["method"] not in manifest.asked:
        raise not_taken(sorted(manifest.asked))
    door.admit(scope, channel)
    body = await _body(receive, headers, settings.intake_limit)
    presented = _presented(host, base, rest, scope, headers, body)
    reply = admit(channel, presented)
    if reply is not None and not reply.store:
        log.info("delivery.replied", channel=channel.name, event=reply.event)
        return answers.owing(reply, channel, presented)
    delivery = door.named(channel, delivery_of(channel, presented), presented.peer)
    deadline = min(settings.intake_deadline, manifest.limit * _SHARE)
    try:
        await raw.store(host.bus, delivery, deadline, scope["state"]["traceparent"])
    except NotStored as error:
        log.warning("delivery.not_stored", channel=channel.name, why=str(error))
        reason = "The delivery could not be stored just now: hand it over again."
        raise Refused(503, reason, remedy=_LATER) from error
    return answers.stored(channel, presented, delivery.id, reply)


def _unknown(host: "Host") -> Refused:
    if host.definitions is not None and not host.definitions.loaded.is_set():
        return Refused(503, "The channels are not known yet: the bus is not available.", remedy=_LATER)
    reason = "There is no channel of this name: `leadwire check` and `apply` make one."
    return Refused(404, reason, field="path", remedy=_NAMES)


def _base(channel: Channel, settings: ConnectorsSettings, scope: Scope, headers: Mapping[str, str]) -> str:
    """The address the vendor called, without the path: some sign it. What is set goes before what is seen."""
    told = channel.settings.text("public_url") or settings.inlet_url
    return told.rstrip("/") or f"{scope['scheme']}://{headers.get('host', '')}"


def _presented(
    host: "Host",
    base: str,
    rest: str,
    scope: Scope,
    headers: Mapping[str, str],
    body: bytes,
) -> Presented:
    query = scope["query_string"].decode(_RAW_HEADER)
    path = scope.get("raw_path", b"").decode(_RAW_HEADER) or scope["path"]
    client = scope.get("client")
    return Presented(
        scope["method"],
        body,
        host.clock.now(),
        headers,
        rest,
        query,
        f"{base}{path}?{query}" if query else f"{base}{path}",
        client[0] if client else None,
    )


async def _body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """The raw body. Raises Refused 413 as soon as it is known to be too large, 415 for a compressed one."""
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        # Kept byte for byte it could not be read, and unpacked it could be of any size (RFC 9110, 15.5.16).
        reason = "The body is compressed: send it as it is, without Content-Encoding."
        raise Refused(415, reason, field="header:content-encoding", remedy="Leave that header out.")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            reason = "The sender hung up before the end."
            raise Refused(400, reason, field="body", remedy="Hand it over again, whole.")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> Refused:
    reason = f"The delivery is larger than {limit} bytes."
    return Refused(413, reason, field="body", remedy=f"Send at most {limit} bytes, files included.")
