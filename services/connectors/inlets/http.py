"""The HTTP inlet: prove, store, and only then answer. Interprets nothing and needs no database."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from services.connectors.definitions.channel import Channel, Rules
from services.connectors.domain import Delivery
from services.connectors.errors import NotStored, Refused
from services.connectors.inlets import answers
from services.connectors.inlets.answers import Answer
from services.connectors.settings import ConnectorsSettings
from services.connectors.store import raw
from services.connectors.verify import SCHEMES
from services.runtime.web import traceparent

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()
_RAW_HEADER = "latin-1"
# Every one, so that the channel decides and not the router.
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def inlet(host: "Host", settings: ConnectorsSettings, rules: Callable[[], Rules]) -> APIRouter:
    """One route for every channel. Starlette's own route: nothing is to be validated but bytes."""

    async def receive(request: Request) -> Response:
        headers = {
            name.decode(_RAW_HEADER).lower(): value.decode(_RAW_HEADER)
            for name, value in request.scope["headers"]
        }
        channel = rules().channels.get(request.path_params["channel"])
        try:
            answer = await _receive(host, settings, channel, request, headers)
        except Refused as refusal:
            answer = answers.refused(channel, headers, refusal.status, refusal.reason)
            log.info("delivery.refused", channel=channel and channel.name, status=refusal.status)
        return Response(answer.body, answer.status, answer.headers)

    router = APIRouter()
    router.routes.append(Route("/{channel}", receive, methods=_METHODS, include_in_schema=False))
    return router


async def _receive(
    host: "Host",
    settings: ConnectorsSettings,
    channel: Channel | None,
    request: Request,
    headers: Mapping[str, str],
) -> Answer:
    if channel is None or channel.kind.manifest.transport != "webhook":
        if host.definitions is not None and not host.definitions.loaded.is_set():
            raise Refused(503, "The channels are not known yet: the bus is not available.")
        raise Refused(404, "There is no channel of this name: `leadwire check` and `apply` make one.")
    manifest = channel.kind.manifest
    if request.method == "OPTIONS":
        return answers.preflight(channel, headers)
    if request.method not in manifest.methods:
        raise Refused(405, f"This inlet takes {', '.join(manifest.methods)} only.")
    body = await _body(request, headers, settings.intake_limit)
    verification = manifest.verification
    SCHEMES[verification.scheme](verification, channel.secrets, headers, body)
    delivery = Delivery(
        channel.name,
        channel.kind.name,
        body,
        host.clock.now(),
        {name: headers[name] for name in channel.kept_headers if name in headers},
        request.scope["query_string"].decode(_RAW_HEADER),
        request.method,
    )
    try:
        await raw.store(host.bus, delivery, settings.intake_deadline, traceparent(request))
    except NotStored as error:
        log.warning("delivery.not_stored", channel=channel.name, why=str(error))
        raise Refused(503, "The delivery could not be stored just now: hand it over again.") from error
    return answers.stored(channel, headers, delivery.id)


async def _body(request: Request, headers: Mapping[str, str], limit: int) -> bytes:
    """The raw body. Raises Refused 413 as soon as it is known to be too large."""
    too_large = Refused(413, f"The delivery is larger than {limit} bytes.")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise too_large
            chunks.append(chunk)
    except ClientDisconnect:
        raise Refused(400, "The sender hung up before the end.") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
