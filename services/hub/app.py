"""Puts the hub together where it runs apart from the services: the control API over one bus connection."""

import asyncio
from contextlib import suppress

import structlog
from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse

from services.hub.api import Control, routes
from services.hub.documents import Documents
from services.hub.mailbox.files import Mailbox
from services.hub.partners import AdmittedByProvision
from services.hub.provisioning import make_streams
from services.hub.settings import HubSettings
from services.runtime import telemetry
from services.runtime.bus import Bus
from services.runtime.clock import Clock, SystemClock
from services.runtime.openapi import METRICS, NOT_GOOD
from services.runtime.patience import wait_any
from services.runtime.serving import BusLost, listen, serve, stopped_by_signals
from services.runtime.web import prepare

log = structlog.get_logger()


def build(control: Control) -> FastAPI:
    """The app: /api/hub, /livez, /readyz and /metrics."""
    app = FastAPI(title="Leadwire hub", version="1", docs_url="/docs", redoc_url=None)
    prepare(app, control.bus, control.clock)
    app.include_router(routes(control), prefix="/api/hub")
    bus = control.bus

    @app.get("/livez", tags=["health"], summary="Whether the process is any good", responses=NOT_GOOD)
    async def livez() -> JSONResponse:
        return JSONResponse({"lost": bus.lost.is_set()}, 503 if bus.lost.is_set() else 200)

    @app.get("/readyz", tags=["health"], summary="Whether requests can be taken", responses=NOT_GOOD)
    async def readyz() -> JSONResponse:
        ready = await control.ready()
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    @app.get(
        "/metrics",
        tags=["health"],
        summary="Metrics for Prometheus",
        response_class=Response,
        responses=METRICS,
    )
    async def metrics() -> Response:
        return Response(telemetry.metrics_text(), media_type=telemetry.METRICS_MEDIA_TYPE)

    _add_documents(app)
    return app


def _add_documents(app: FastAPI) -> None:
    """What the proxy in front shows at /docs: the APIs of all services in one page."""
    documents = Documents()

    @app.get("/all/openapi.json", include_in_schema=False)
    async def whole() -> Response:
        return Response(await documents.get(), media_type="application/json")

    @app.get("/all/docs", include_in_schema=False)
    async def page() -> HTMLResponse:
        return get_swagger_ui_html(openapi_url="/openapi.json", title="Leadwire")


async def run(settings: HubSettings, clock: Clock = SystemClock()) -> None:
    """Provision the bus as soon as it is there, serve until a signal. Raises AddressTaken, BusLost."""
    stopping = asyncio.Event()
    listening = listen(settings)
    bus = Bus(
        settings.nats_url.get_secret_value(),
        seed_path=settings.nats_seed_file,
        name="leadwire hub",
        inbox_prefix=settings.nats_inbox_prefix,
    )
    mailbox = Mailbox(settings.home / "mailbox") if settings.shared_mailbox else None
    control = Control(bus, clock, mailbox, AdmittedByProvision(bus), stopping)
    app = build(control)
    with stopped_by_signals(stopping):
        connecting = asyncio.create_task(_connect(bus, settings, stopping))
        try:
            await serve(app, settings, listening, stopping, control.ready)
        finally:
            connecting.cancel()
            with suppress(asyncio.CancelledError):
                await connecting
            await bus.close()
            telemetry.flush_traces()
    if bus.lost.is_set():
        raise BusLost("the bus has ended the connection for good")


async def _connect(bus: Bus, settings: HubSettings, stopping: asyncio.Event) -> None:
    """Connect, provision, then watch; whatever goes wrong for good ends the process."""
    try:
        await bus.open()
        for change in await make_streams(bus, settings, settings.partners):
            log.info("provisioned", what=change.name, did=change.did, detail=change.detail)
        await wait_any(bus.lost, stopping)
    finally:
        stopping.set()
