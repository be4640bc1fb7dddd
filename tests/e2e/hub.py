"""`leadwire up` as a subprocess over a throw-away home, and what a test does with it."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import psutil

from services.hub.mailbox.files import Caught, Mailbox
from tests.support.ports import free_ports
from tests.support.processes import named, proportional_memory, send
from tests.support.scratch import scratch_home
from tests.support.wait import until

LEADWIRE = str(Path(sys.executable).with_name("leadwire"))
READY = re.compile(r"ready after ([\d.]+) s")


class Hub:
    """One home, and the process that runs on it or does not."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.http_port, self.smtp_port = free_ports(2)
        self.log = home.with_suffix(".log")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LEADWIRE_")},
            "LEADWIRE_HOME": str(home),
            "LEADWIRE_PORT": str(self.http_port),
            "LEADWIRE_SMTP_INLET_PORT": str(self.smtp_port),
            "NO_COLOR": "1",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        # Whether services are being replaced just now: one of them may then miss a question.
        self.restarting = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def said(self) -> str:
        """What it printed, errors included."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def token(self) -> str:
        return (self.home / "secrets" / "admin.token").read_text().strip()

    @property
    def bus(self) -> str:
        return re.findall(r"bus +(nats://[\d.:]+)", self.said)[-1]

    def secret(self, name: str) -> str:
        """The value of a `${NAME}` that the hub made for its definitions."""
        lines = (self.home / "secrets" / "definitions.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)[name]

    def launch(self) -> None:
        """Start the process; returns at once."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [LEADWIRE, "up"], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    async def start(self, within: float = 60.0) -> float:
        """Start and wait until it says it is ready; the seconds it says it took."""
        begun = len(self.said)
        self.launch()

        def ready() -> bool:
            if self.process is None or self.process.poll() is not None:
                raise AssertionError(f"the hub ended:\n{self.said[begun:]}")
            return bool(READY.search(self.said[begun:]))

        await until(ready, within, every=0.05, why="the hub to be ready")
        return float(READY.findall(self.said[begun:])[-1])

    async def ended(self, within: float = 30.0) -> int:
        """Wait for the process to end; its exit code."""
        process = self.process
        assert process is not None
        await until(lambda: process.poll() is not None, within, why="the hub to end")
        return int(process.returncode)

    async def stop(self, within: float = 30.0) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return await self.ended(within)

    def family(self) -> list[psutil.Process]:
        """The hub and all its children."""
        if self.process is None or self.process.poll() is not None:
            return []
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    async def kill(self) -> None:
        """SIGKILL of everything at once, as when the machine loses power."""
        await asyncio.to_thread(self.end_at_once)

    def end_at_once(self) -> None:
        """Kill whatever still runs, and wait until it is gone."""
        family = self.family()
        send(family, signal.SIGKILL)
        psutil.wait_procs(family, 10)
        if self.process is not None:
            self.process.wait()

    def postgres(self) -> list[psutil.Process]:
        """Its PostgreSQL, every process of it."""
        return named(self.family(), "postgres")

    def proportional_memory(self) -> int:
        """PSS in bytes of the hub and all its children."""
        return proportional_memory(self.family())

    async def command(self, *arguments: str) -> str:
        """Run `leadwire`; what it printed. AssertionError when it fails."""
        done = await asyncio.to_thread(self.run, *arguments)
        assert done.returncode == 0, f"leadwire {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `leadwire` to its end."""
        return subprocess.run(
            [LEADWIRE, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )

    async def get(self, path: str, **query: Any) -> Any:
        """GET as the administrator."""
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {self.token}"}) as client:
            answer = await client.get(self.url + path, params=query)
            answer.raise_for_status()
            return answer.json()

    async def trace(self, name: str) -> dict[str, Any]:
        """What `leadwire trace` asks for."""
        found: dict[str, Any] = await self.get(f"/api/hub/trace/{quote(name, safe='')}")
        return found

    async def contact(self, identity: str) -> dict[str, Any]:
        """The one contact with this phone or address."""
        [found] = (await self.get("/api/leads/contacts", identity=identity))["contacts"]
        return dict(found)

    async def deals(self, contact: str) -> list[dict[str, Any]]:
        """The deals of a contact."""
        return list((await self.get("/api/deals/deals", contact=contact))["deals"])

    def letters_to(self, address: str) -> list[Caught]:
        """Caught mail to one address, the newest first."""
        return [letter for letter in self.letters() if letter.summary.recipient == address]

    async def letter_to(self, address: str, within: float = 30.0) -> Caught:
        """The first letter to that address, once it is there."""
        found = await until(lambda: self.letters_to(address), within, every=0.1, why=f"a letter to {address}")
        return found[-1]

    async def rows(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """Ask its database."""
        connection = await asyncpg.connect(f"postgresql://postgres@/leadwire?host={self.home}/run&port=5432")
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    async def count(self, table: str) -> int:
        """How many rows a table such as leads.contacts has."""
        [row] = await self.rows(f"SELECT count(*) FROM {table}")
        return int(row[0])

    def letters(self) -> list[Caught]:
        """Caught mail, the newest first."""
        mailbox = Mailbox(self.home / "mailbox")
        return [letter for name in mailbox.names() if (letter := mailbox.read(name))]


@contextmanager
def a_hub(like: Path | None = None, **environment: str) -> Iterator[Hub]:
    """A hub on an empty home or a copy of one, not started; gone afterwards with all its children."""
    with scratch_home() as folder:
        if like is not None:
            shutil.copytree(like, folder / "home", symlinks=True)
        hub = Hub(folder / "home", **environment)
        try:
            yield hub
        finally:
            hub.end_at_once()
