"""The HTTP side of a process: the APIs and inlets of its services, health and metrics."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.runtime import problems, telemetry
from services.runtime.auth import Access
from services.runtime.bodies import BoundedBodies
from services.runtime.bus import Bus
from services.runtime.clock import Clock
from services.runtime.health import Health, report
from services.runtime.openapi import METRICS, NOT_GOOD, describe
from services.runtime.operations import operations
from services.runtime.reader_operations import outbox_operations, reader_operations

if TYPE_CHECKING:
    from services.runtime.host import Host

INLET = "/in/"
_TRACEPARENT = telemetry.TRACEPARENT.encode()


def build_app(hosts: "Sequence[Host]", *, title: str = "Leadwire", version: str = "1") -> FastAPI:
    """One app for these services: /api/<name>, /in, /livez, /readyz, /metrics."""
    app = Application(title=title, version=version, docs_url="/docs", redoc_url=None)
    first = hosts[0]
    prepare(app, first.bus, first.clock)
    inlets = [host.program.inlet(host) for host in hosts if host.program.inlet]
    if inlets:
        [inlet] = inlets
        app.inlet = Traced(problems.CatchAll(inlet))
    for host in hosts:
        if host.program.api:
            app.include_router(host.program.api(host), prefix=f"/api/{host.name}")
        for routes in (operations(host), reader_operations(host), outbox_operations(host)):
            app.include_router(routes, prefix=f"/api/{host.name}")
    _add_health(app, hosts, first.bus)
    return app


class Application(FastAPI):
    """FastAPI with an inlet beside it: deliveries come by the thousand, and need nothing of an API."""

    inlet: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if self.inlet is not None and scope["type"] == "http" and scope["path"].startswith(INLET):
            await self.inlet(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def prepare(app: FastAPI, bus: Bus, clock: Clock) -> None:
    """Give an app what every API relies on: problems, access by token, traces."""
    app.state.access = Access(bus, clock)
    problems.install(app)
    describe(app)
    app.add_middleware(BoundedBodies)
    app.add_middleware(Traced)


class Traced:
    """Middleware: a span around each request, under the trace the caller may have begun."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request; its `traceparent` is in `request.state`."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        parent = _traceparent(scope)
        if not telemetry.tracing():
            scope.setdefault("state", {})["traceparent"] = parent
            await self.app(scope, receive, send)
            return
        with telemetry.span(f"HTTP {scope['method']}", parent) as current:
            scope.setdefault("state", {})["traceparent"] = current
            await self.app(scope, receive, send)


def _traceparent(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == _TRACEPARENT:
            return str(value, "ascii", "ignore")
    return None


def _add_health(app: FastAPI, hosts: "Sequence[Host]", bus: Bus) -> None:
    looks = [Health(host) for host in hosts]

    @app.get("/livez", tags=["health"], summary="Whether the process is any good", responses=NOT_GOOD)
    async def livez() -> JSONResponse:
        if bus.lost.is_set():
            return JSONResponse({"status": "the connection to the bus is lost for good"}, 503)
        return JSONResponse({"status": "ok"})

    @app.get(
        "/readyz",
        tags=["health"],
        summary="Whether requests can be taken, and every check",
        responses=NOT_GOOD,
    )
    async def readyz() -> JSONResponse:
        found = await asyncio.gather(*(look.look() for look in looks))
        ready, checks = report(check for service in found for check in service)
        # Whoever is about to leave wants no more requests.
        ready = ready and not any(host.stopping.is_set() for host in hosts)
        return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)

    @app.get(
        "/metrics",
        tags=["health"],
        summary="Metrics for Prometheus",
        response_class=Response,
        responses=METRICS,
    )
    async def metrics() -> Response:
        # Some are measured only when somebody looks.
        await asyncio.gather(*(look.look() for look in looks))
        return Response(telemetry.metrics_text(), media_type=telemetry.METRICS_MEDIA_TYPE)
