"""The services as processes of their own, on engines that the test holds, as in a deployment."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx

from services.hub.mailbox.files import Mailbox
from services.hub.mailbox.server import Catcher
from services.hub.settings import EXAMPLE
from services.hub.topology import SERVICES
from services.runtime.auth import create_token
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from tests.e2e.hub import LEADWIRE
from tests.support import databases
from tests.support.faults import PrivateEngines
from tests.support.ports import free_ports
from tests.support.wait import until

PROGRAMS = ("hub", *SERVICES)


class Apart:
    """Five processes: the four services and the hub's control API."""

    def __init__(self, nats_url: str, dsn: str, mailbox: Mailbox, catcher_port: int, folder: Path) -> None:
        self.dsn = dsn
        self.mailbox = mailbox
        self.folder = folder
        *ports, smtp_port = free_ports(len(PROGRAMS) + 1)
        self.ports = dict(zip(PROGRAMS, ports, strict=True))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LEADWIRE_")},
            "LEADWIRE_NATS_URL": nats_url,
            "LEADWIRE_DATABASE_URL": dsn,
            "LEADWIRE_SMTP_INLET_PORT": str(smtp_port),
            "LEADWIRE_NOTIFICATIONS_SMTP_PORT": str(catcher_port),
            "LEADWIRE_NOTIFICATIONS_SMTP_LETTER_SECONDS": "4",
            "LEADWIRE_UNSUBSCRIBE_SECRET": "only for this test",
            "TELEGRAM_SECRET": "only-for-this-test",
        }

    def url(self, program: str) -> str:
        return f"http://127.0.0.1:{self.ports[program]}"

    def launch(self, program: str) -> None:
        """Start one of the processes; returns at once."""
        with (self.folder / f"{program}.log").open("ab") as log:
            self.processes[program] = subprocess.Popen(
                [sys.executable, "-m", f"services.{program}"],
                env={**self.environment, "LEADWIRE_PORT": str(self.ports[program])},
                stdout=log,
                stderr=log,
            )

    async def ready(self, program: str, within: float = 60) -> None:
        """Wait until a process says that it can take requests."""

        async def asked() -> bool:
            try:
                async with httpx.AsyncClient() as client:
                    return (await client.get(f"{self.url(program)}/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await until(asked, within, every=0.1, why=f"{program} to be ready")

    async def restart(self, program: str) -> None:
        """SIGKILL and start again."""
        self.processes[program].kill()
        await asyncio.to_thread(self.processes[program].wait)
        self.launch(program)

    async def count(self, table: str) -> int:
        """How many rows a table such as leads.contacts has."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
        finally:
            await connection.close()

    async def start(self) -> None:
        """Start all of them and wait until they are ready; the hub first, which makes the streams."""
        self.launch("hub")
        await self.ready("hub")
        for program in SERVICES:
            self.launch(program)
        await asyncio.gather(*(self.ready(program) for program in SERVICES))

    async def apply(self, token: str) -> None:
        """`leadwire apply` of the example."""
        told = {"LEADWIRE_URL": self.url("hub"), "LEADWIRE_TOKEN": token}
        command = [LEADWIRE, "apply", str(EXAMPLE)]
        done = await asyncio.to_thread(
            subprocess.run, command, env={**self.environment, **told}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def end(self) -> None:
        """Stop every process."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


@asynccontextmanager
async def apart(engines: PrivateEngines, folder: Path) -> AsyncIterator[Apart]:
    """Everything up, the example applied."""
    catcher = Catcher(mailbox := Mailbox(folder / "mailbox"))
    await catcher.start()
    account = engines.account()
    async with databases.fresh(engines) as dsn:
        here = Apart(account.url, dsn, mailbox, catcher.port, folder)
        try:
            await here.start()
            await here.apply(await admin_token(account.url))
            yield here
        finally:
            here.end()
            await catcher.stop()


async def admin_token(url: str) -> str:
    """A token of an administrator, made as `leadwire` makes one."""
    bus = await Bus.connect(url)
    try:
        return await create_token(await bus.kv("tokens"), "test", ["admin"], now=SystemClock().now())
    finally:
        await bus.close()
