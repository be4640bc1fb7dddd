"""Runs the catcher as a process of its own: SMTP for notifications, pages for people."""

import asyncio
import sys

from services.hub.mailbox.files import Mailbox
from services.hub.mailbox.page import router
from services.hub.mailbox.server import Catcher
from services.hub.settings import HubSettings
from services.hub.up.ports import is_loopback
from services.runtime import telemetry
from services.runtime.serving import AddressTaken, listen, serve, stopped_by_signals


async def run(settings: HubSettings) -> None:
    """Catch letters until a signal. Raises AddressTaken, OSError."""
    from fastapi import FastAPI

    mailbox = Mailbox(settings.home / "mailbox")
    app = FastAPI(openapi_url=None)
    # The pages ask for no token.
    if is_loopback(settings.published_on):
        app.include_router(router(mailbox), prefix="/mailbox")

    @app.get("/readyz")
    async def readyz() -> dict[str, bool]:
        return {"ready": True}

    async def ready() -> bool:
        return True

    stopping = asyncio.Event()
    listening = listen(settings)
    catcher = Catcher(mailbox, host=settings.catcher_host, port=settings.catcher_port)
    await catcher.start()
    try:
        with stopped_by_signals(stopping):
            await serve(app, settings, listening, stopping, ready)
    finally:
        await catcher.stop()


def main() -> None:
    """Run until SIGTERM."""
    settings = HubSettings()
    telemetry.configure_logging(settings)
    try:
        asyncio.run(run(settings))
    except (AddressTaken, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
