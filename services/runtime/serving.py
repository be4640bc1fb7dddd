"""Runs one or several programs in this process, with their HTTP, until told to stop."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import structlog
import uvicorn
from pydantic import ValidationError
from starlette.types import ASGIApp

from services.runtime import settings as settings_module
from services.runtime import telemetry
from services.runtime.bus import Bus
from services.runtime.clock import Clock
from services.runtime.draining import drain, ready_or_late
from services.runtime.guarded_http import GuardedHttp
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from services.runtime.host import Host, Program

log = structlog.get_logger()
_HTTP_GRACE_SECONDS = 10
# So many new objects before the collector looks for cycles among them.
_YOUNG = 10_000


class BusLost(Exception):
    """The bus has ended the connection for good; only a new process can sign in again."""


class AddressTaken(Exception):
    """HTTP cannot listen where it should; the text says what to do."""


class HttpServer(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process before its loops."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=GuardedHttp,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                # No answer is what a browser would make of its bytes.
                headers=[("x-content-type-options", "nosniff")],
                forwarded_allow_ips=settings.trusted_proxies,
                timeout_graceful_shutdown=_HTTP_GRACE_SECONDS,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


def listen(settings: Settings) -> socket.socket:
    """The socket of HTTP; port 0 takes a free one. Raises AddressTaken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        if settings.listen_within:
            return _bound(family, settings)
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise AddressTaken(
            f"HTTP cannot listen on {settings.host} port {settings.port}: {error.strerror}."
            " Stop what listens there, or set LEADWIRE_PORT to another port."
        ) from error


def _bound(family: socket.AddressFamily, settings: Settings) -> socket.socket:
    """A socket that has its port and still refuses connections; uvicorn makes it listen."""
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((settings.host, settings.port))
    except OSError:
        bound.close()
        raise
    return bound


async def serve(
    app: ASGIApp,
    settings: Settings,
    listening: socket.socket,
    stopping: asyncio.Event,
    ready: Callable[[], Awaitable[bool]],
) -> None:
    """Serve HTTP until told to stop; requests under way get ten seconds.

    With `listen_within` it begins when `ready` says so; with `drain_seconds` it ends by and by.
    """
    await ready_or_late(ready, settings.listen_within, stopping)
    server = HttpServer(app, settings)

    async def end() -> None:
        await stopping.wait()
        await drain(listening, getattr(server, "servers", ()), settings.drain_seconds)
        server.should_exit = True

    watch = asyncio.create_task(end())
    try:
        await server.serve(sockets=[listening])
    finally:
        stopping.set()
        await watch


@contextmanager
def stopped_by_signals(stopping: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set the event instead of ending the process."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def run(
    programs: "Sequence[Program]",
    settings: Settings,
    *,
    settings_of: Mapping[str, Settings] | None = None,
    clock: Clock | None = None,
    extend: "Callable[[FastAPI, Sequence[Host]], None] | None" = None,
    started: "Callable[[Sequence[Host], int], Awaitable[None]] | None" = None,
    stopping: asyncio.Event | None = None,
) -> None:
    """Run programs in one process over one bus connection until a signal, or `stopping`.

    `settings_of` gives single services settings of their own, such as their database. `extend` may
    add to the app; `started` runs with the HTTP port once everything has been started.
    Raises AddressTaken, BusLost.
    """
    from services.runtime.health import all_ready
    from services.runtime.host import Host
    from services.runtime.web import build_app

    stopping = stopping or asyncio.Event()
    listening = listen(settings)
    own = settings_of or {}
    bus = _bus(settings, "+".join(program.name for program in programs))
    hosts = [await Host.create(each, own.get(each.name, settings), bus, clock, stopping) for each in programs]
    app = build_app(hosts)
    if extend:
        extend(app, hosts)
    _spare_the_collector()
    with stopped_by_signals(stopping):
        async with _connected(bus, stopping), _started(hosts, stopping):
            ready = partial(all_ready, hosts)
            http = asyncio.create_task(serve(app, settings, listening, stopping, ready))
            if started:
                await started(hosts, listening.getsockname()[1])
            await http
    if bus.lost.is_set():
        raise BusLost("the bus has ended the connection for good")


def _spare_the_collector() -> None:
    """What is there by now, modules above all, lives as long as the process: do not search it for garbage.

    Each full search of it would hold every request up for tens of milliseconds. What a crowd of requests
    holds while it waits for the disk is no garbage either: it is looked through less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)


@asynccontextmanager
async def _started(hosts: "Sequence[Host]", stopping: asyncio.Event) -> AsyncIterator[None]:
    try:
        await asyncio.gather(*(host.start() for host in hosts))
        yield
    finally:
        stopping.set()
        await asyncio.gather(*(host.stop() for host in hosts))


@asynccontextmanager
async def _connected(bus: Bus, stopping: asyncio.Event) -> AsyncIterator[None]:
    """Connect beside what is inside; a connection that ends for good, or never can be, stops it."""

    async def keep() -> None:
        try:
            await bus.open()
            await bus.lost.wait()
        finally:
            stopping.set()

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        failed = keeping.done() and not bus.lost.is_set()
        keeping.cancel()
        await asyncio.wait([keeping])
        await bus.close()
        telemetry.flush_traces()
        if failed:
            await keeping


def _bus(settings: Settings, name: str) -> Bus:
    return Bus(
        settings.nats_url.get_secret_value(),
        seed_path=settings.nats_seed_file,
        name=f"leadwire {name}",
        inbox_prefix=settings.nats_inbox_prefix,
    )


def main(build: "Callable[[], Program]") -> None:
    """Run the one program that `build` makes, with settings from the environment, and exit."""
    settings_module.put_references(os.environ)
    try:
        program = build()
        settings = settings_module.settings_of(program.name)
    except ValidationError as error:
        sys.exit("\n".join(settings_module.mistakes(error)))
    telemetry.configure_logging(settings)
    telemetry.configure_tracing(settings, program.name)
    import uvloop

    try:
        uvloop.run(run([program], settings))
    except (AddressTaken, BusLost) as error:
        sys.exit(str(error))
