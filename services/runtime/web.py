"""The HTTP side of a process: the APIs and inlets of its services, health and metrics."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.runtime import problems, telemetry
from services.runtime.auth import Access
from services.runtime.bus import Bus
from services.runtime.clock import Clock
from services.runtime.health import Health, report
from services.runtime.operations import operations
from services.runtime.problems import ProblemBody
from services.runtime.reader_operations import outbox_operations, reader_operations

if TYPE_CHECKING:
    from services.runtime.host import Host

_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ProblemBody, "description": "What is wrong, and what to do (RFC 9457)."}
}


def build_app(hosts: "Sequence[Host]", *, title: str = "Leadwire", version: str = "1") -> FastAPI:
    """One app for these services: /api/<name>, /in, /livez, /readyz, /metrics."""
    app = FastAPI(title=title, version=version, docs_url="/docs", redoc_url=None)
    first = hosts[0]
    prepare(app, first.bus, first.clock)
    # Inlets first: routes are tried in order, and deliveries are what comes by the thousand.
    for host in hosts:
        if host.program.inlet:
            app.include_router(host.program.inlet(host), prefix="/in")
    for host in hosts:
        if host.program.api:
            app.include_router(host.program.api(host), prefix=f"/api/{host.name}", responses=_ERRORS)
        for routes in (operations(host), reader_operations(host), outbox_operations(host)):
            app.include_router(routes, prefix=f"/api/{host.name}", responses=_ERRORS)
    _add_health(app, hosts, first.bus)
    return app


def prepare(app: FastAPI, bus: Bus, clock: Clock) -> None:
    """Give an app what every API relies on: problems, access by token, traces."""
    app.state.access = Access(bus, clock)
    problems.install(app)
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
        given = dict(scope["headers"]).get(telemetry.TRACEPARENT.encode())
        parent = given.decode("ascii", "ignore") if given else None
        with telemetry.span(f"HTTP {scope['method']}", parent) as current:
            scope.setdefault("state", {})["traceparent"] = current
            await self.app(scope, receive, send)


def traceparent(request: Request) -> str | None:
    """The trace of a request, to be passed on."""
    found: str | None = getattr(request.state, "traceparent", None)
    return found


def _add_health(app: FastAPI, hosts: "Sequence[Host]", bus: Bus) -> None:
    looks = [Health(host) for host in hosts]

    @app.get("/livez", tags=["health"], summary="Whether the process is any good")
    async def livez() -> JSONResponse:
        if bus.lost.is_set():
            return JSONResponse({"status": "the connection to the bus is lost for good"}, 503)
        return JSONResponse({"status": "ok"})

    @app.get("/readyz", tags=["health"], summary="Whether requests can be taken, and every check")
    async def readyz() -> JSONResponse:
        found = await asyncio.gather(*(look.look() for look in looks))
        ready, checks = report(check for service in found for check in service)
        return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)

    @app.get("/metrics", tags=["health"], summary="Metrics for Prometheus", response_class=Response)
    async def metrics() -> Response:
        return Response(telemetry.metrics_text(), media_type=telemetry.METRICS_MEDIA_TYPE)
