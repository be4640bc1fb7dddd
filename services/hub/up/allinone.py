"""Everything in one process: engines as children, all services, one HTTP server."""

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from services.hub.api import Control, routes
from services.hub.home import Home
from services.hub.mailbox.files import Mailbox
from services.hub.mailbox.page import router as mailbox_pages
from services.hub.mailbox.server import Catcher
from services.hub.settings import HubSettings
from services.hub.up import channel_secrets
from services.hub.up.admission import Admission
from services.hub.up.banner import Addresses, banner
from services.hub.up.ground import Ground, lay
from services.hub.up.ports import is_loopback
from services.hub.up.processes import mail_settings, together
from services.hub.up.ready import admin_token, all_in_force, apply_first
from services.hub.up.watch import Watch
from services.runtime.clock import Clock, SystemClock
from services.runtime.host import Host, run

if TYPE_CHECKING:
    from fastapi import FastAPI


class AllInOne:
    """One hub over one home."""

    def __init__(self, settings: HubSettings, begun: float, clock: Clock = SystemClock()) -> None:
        """`begun` is when the start began, by the monotonic clock."""
        self._begun = begun
        self._settings = settings
        self._clock = clock
        self._home = Home(settings.home.absolute())
        self._mailbox = Mailbox(self._home.folder / "mailbox")
        self._inlet, self._own_server = mail_settings()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Run until a signal. Raises HubProblem, and what the runtime's `run` raises."""
        async with AsyncExitStack() as stack:
            ground = await lay(self._settings, self._home, stack)
            channel_secrets.put_into(os.environ, self._home)
            catcher = None if self._own_server else await self._catch(stack)
            port = catcher.port if catcher else None
            services = together(self._settings, ground.engines, self._home, port)
            stack.push_async_callback(self._end, asyncio.create_task(ground.engines.keep(self._stopping)))
            admission: list[Admission] = []

            def extend(app: "FastAPI", hosts: Sequence[Host]) -> None:
                admission.append(Admission(ground.engines, hosts[0].bus, ground.settings, ground.partners))
                self._extend(app, hosts, admission[0])

            async def started(hosts: Sequence[Host], port: int) -> None:
                await self._started(hosts, port, ground, admission[0])

            await run(
                services.programs,
                ground.settings,
                settings_of=services.settings,
                clock=self._clock,
                extend=extend,
                started=started,
                stopping=self._stopping,
            )

    async def _catch(self, stack: AsyncExitStack) -> Catcher:
        catcher = Catcher(self._mailbox, now=self._clock.now)
        await catcher.start()
        stack.push_async_callback(catcher.stop)
        return catcher

    async def _end(self, keeping: asyncio.Task[None]) -> None:
        self._stopping.set()
        await keeping

    def _extend(self, app: "FastAPI", hosts: Sequence[Host], admission: Admission) -> None:
        control = Control(hosts[0].bus, self._clock, self._mailbox, admission)
        app.include_router(routes(control), prefix="/api/hub")
        # The pages ask for no token, so they are for this machine alone.
        if self._shows_mailbox:
            app.include_router(mailbox_pages(self._mailbox), prefix="/mailbox")

    @property
    def _shows_mailbox(self) -> bool:
        return not self._own_server and is_loopback(self._settings.host)

    async def _started(self, hosts: Sequence[Host], port: int, ground: Ground, admission: Admission) -> None:
        bus = hosts[0].bus
        await bus.opened.wait()
        token = await admin_token(bus, self._home, self._clock)
        if ground.first is not None:
            await apply_first(bus, ground.first, admission, self._clock)
        await all_in_force(bus, hosts)
        await Watch(bus).start()
        self._tell(hosts, port, ground, token)

    def _tell(self, hosts: Sequence[Host], port: int, ground: Ground, token: str) -> None:
        connectors = next(host for host in hosts if host.name == "connectors")
        rules = connectors.definitions.current if connectors.definitions else None
        at = Addresses(
            http=f"http://{_shown(self._settings.host)}:{port}",
            smtp=f"{self._inlet.smtp_inlet_host}:{self._inlet.smtp_inlet_port}",
            bus=ground.engines.nats_url,
            home=self._settings.home,
            mailbox=self._shows_mailbox,
        )
        channels = list(rules.channels.values()) if rules else []
        print(banner(at, token, channels, time.monotonic() - self._begun), flush=True)


def _shown(host: str) -> str:
    """An address that a browser on this machine can use."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
