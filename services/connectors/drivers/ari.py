"""Asterisk REST Interface: its events over a websocket, of all channels.

Asterisk knows one listener for each application: a second one would end the first. So one replica listens.
Source: docs.asterisk.org, "Asterisk REST Interface", events.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from services.connectors.drivers.inlet import Arrived, Inlet, Unreachable
from services.connectors.drivers.wire import SKIPPED
from services.connectors.reading.exchanges import basic

# Stored at once; while so many wait for the bus nothing is read.
_UNDER_WAY = 128
_LONGEST = 1024 * 1024
_NO_USER = "Asterisk refuses the user: compare `user` and `password` with ari.conf"
_NO_ARI = "there is no ARI: check `prefix`, `enabled = yes` in ari.conf and that res_ari_events is loaded"
_REFUSALS = {401: _NO_USER, 403: _NO_USER, 404: _NO_ARI}


async def drive(inlet: Inlet) -> None:
    """Listen until cancelled. Raises Unreachable, and not before what came is stored."""
    async with _listening(inlet) as socket:
        inlet.state("connected")
        async with asyncio.TaskGroup() as storing:
            why = await _listen(inlet, socket, storing)
    raise Unreachable(why)


async def _listen(inlet: Inlet, socket: ClientConnection, storing: asyncio.TaskGroup) -> str:
    """Hand events over to be stored; why there are no more."""
    events = inlet.channel.kind.manifest.events
    wanted = {name for name, verdict in events.items() if verdict == "accepted"}
    places = asyncio.Semaphore(_UNDER_WAY)
    with suppress(ConnectionClosed):
        async for message in socket:
            body = message.encode() if isinstance(message, str) else message
            kind = type_of(body)
            if kind == "ApplicationReplaced":
                return "somebody else listens under this name: give each hub its own `application`"
            if kind in wanted:
                await places.acquire()
                storing.create_task(_store(inlet, body, places))
            else:
                SKIPPED.labels(inlet.channel.name).inc()
    return "Asterisk closed the connection"


async def _store(inlet: Inlet, body: bytes, places: asyncio.Semaphore) -> None:
    try:
        await inlet.store(Arrived(body))
    finally:
        places.release()


def type_of(body: bytes) -> str:
    """What an event calls itself; empty for what is none."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return str(read.get("type", "")) if isinstance(read, dict) else ""


@asynccontextmanager
async def _listening(inlet: Inlet) -> AsyncIterator[ClientConnection]:
    settings = inlet.channel.settings
    host, port = settings.text("host"), settings.number("port")
    asked = urlencode({"app": settings.text("application"), "subscribeAll": "true"})
    scheme = "wss" if settings.flag("tls") else "ws"
    try:
        async with connect(
            f"{scheme}://{host}:{port}{settings.text('prefix').rstrip('/')}/ari/events?{asked}",
            additional_headers=basic(settings.text("user"), inlet.secret("password")),
            max_size=_LONGEST,
            proxy=None,
        ) as socket:
            yield socket
    except InvalidStatus as error:
        status = error.response.status_code
        raise Unreachable(_REFUSALS.get(status, f"Asterisk answered {status}: see its log")) from None
    except (OSError, TimeoutError, InvalidHandshake) as error:
        raise Unreachable(
            f"{host}:{port} cannot be reached ({type(error).__name__}): check `host`, `port` and `tls`,"
            " `enabled = yes` and `bindaddr` in http.conf, and the firewalls between"
        ) from None
