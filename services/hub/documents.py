"""The description of all HTTP there is, as one document: what the services serve apart, together.

Run as a module it prints the document. The hub does so in a process of its own, so that the code of
all services does not stay in its memory.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

_SECRET = "only to build what is described"


async def whole() -> dict[str, Any]:
    """Paths of every service and of the hub. Connects to nothing."""
    from pydantic import SecretStr

    from services.connectors.app import build as connectors
    from services.deals.app import build as deals
    from services.hub.api import Control, routes
    from services.hub.mailbox.files import Mailbox
    from services.leads.app import build as leads
    from services.notifications.app import build as notifications
    from services.notifications.settings import NotificationsSettings
    from services.runtime.bus import Bus
    from services.runtime.clock import SystemClock
    from services.runtime.host import Host
    from services.runtime.settings import Settings
    from services.runtime.web import build_app

    bus = Bus("nats://127.0.0.1:4222")
    letters = NotificationsSettings(unsubscribe_secret=SecretStr(_SECRET))
    programs = (connectors(), leads(), deals(), notifications(letters))
    hosts = [await Host.create(program, Settings(), bus) for program in programs]
    app = build_app(hosts)
    app.include_router(routes(Control(bus, SystemClock(), Mailbox(Path()))), prefix="/api/hub")
    return app.openapi()


class Documents:
    """The document, made when it is asked for the first time."""

    def __init__(self) -> None:
        self._made: bytes | None = None
        self._making = asyncio.Lock()

    async def get(self) -> bytes:
        """The document as JSON. Raises OSError when it cannot be made."""
        async with self._making:
            if self._made is None:
                self._made = await _printed()
        return self._made


async def _printed() -> bytes:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.hub.documents", stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise OSError(f"the description of the APIs could not be made: status {process.returncode}")
    return said


if __name__ == "__main__":
    print(json.dumps(asyncio.run(whole())))
