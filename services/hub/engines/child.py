"""A program run as our own child: it dies with the hub, and what a killed hub left behind is found again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

LAUNCHER = Path(__file__).with_name("launch.py")
LOG_LIMIT = 4 * 1024 * 1024
"""Bytes after which a log is put aside at the next start; one older log is kept."""


@dataclass(frozen=True)
class Program:
    """What to run, and how. `identity` is explained in launch.py."""

    name: str
    command: Sequence[str]
    log: Path
    pid_file: Path
    folder: Path
    identity: str = "same"
    stop_signal: signal.Signals = signal.SIGTERM
    environment: Mapping[str, str] = field(default_factory=dict)


def launched(program: Program) -> list[str]:
    """The command line that runs a program through the launcher."""
    tie = [str(os.getpid()), str(int(program.stop_signal)), program.identity, str(program.folder)]
    return [sys.executable, "-I", "-S", str(LAUNCHER), *tie, *program.command]


class Child:
    """One running program in a session of its own, so that Ctrl-C reaches the hub alone.

    Start it from a thread that lives as long as the child should: the kernel ties it to that thread.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(self) -> None:
        """Run the program and write its pid file; stops a leftover of an earlier hub first."""
        program = self.program
        stop_leftover(program.pid_file, program.stop_signal)
        _rotate(program.log)
        with program.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                launched(program),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **program.environment},
            )
        _write_pid_file(program.pid_file, self._process.pid)

    @property
    def pid(self) -> int:
        """The process id; LookupError when it was never started."""
        if self._process is None:
            raise LookupError(f"{self.program.name} has not been started")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the program runs, paused included."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit status of a program that has ended; negative is the number of a signal."""
        return None if self._process is None else self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.alive and self._process is not None:
            self._process.send_signal(number)

    async def ended(self, within: float) -> bool:
        """Wait for the program to end, `within` seconds at most; says whether it has."""
        deadline = time.monotonic() + within
        while self.alive and time.monotonic() < deadline:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.01)
        return not self.alive

    async def stop(self, within: float = 15.0) -> None:
        """Ask it to stop; kill it when it has not after `within` seconds."""
        self.signal(self.program.stop_signal)
        self.signal(signal.SIGCONT)
        if not await self.ended(within):
            await self.kill()
        self.program.pid_file.unlink(missing_ok=True)

    async def kill(self) -> None:
        """End it at once, as a crash would. The pid file stays, as after a crash."""
        self.signal(signal.SIGKILL)
        await self.ended(10.0)

    def said_since_start(self) -> str:
        """What this run of the program has written to its log."""
        with self.program.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def last_words(self, lines: int = 12) -> str:
        """The end of what it said."""
        return "\n".join(self.said_since_start().splitlines()[-lines:])


def leftover(pid_file: Path) -> psutil.Process | None:
    """The process a pid file speaks of, if it still runs and is the very same one."""
    try:
        said = json.loads(pid_file.read_text())
        process = psutil.Process(int(said["pid"]))
        same = abs(process.create_time() - float(said["started"])) < 1.0
        return process if same and not gone(process) else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def stop_leftover(pid_file: Path, stop_signal: signal.Signals, within: float = 20.0) -> bool:
    """Stop what a killed hub left running under this pid file; says whether there was anything."""
    process = leftover(pid_file)
    if process is not None:
        end(process, stop_signal, within)
    pid_file.unlink(missing_ok=True)
    return process is not None


def end(process: psutil.Process, stop_signal: signal.Signals, within: float) -> None:
    """Stop a process that is not our child: politely, then by force."""
    try:
        process.send_signal(stop_signal)
        process.send_signal(signal.SIGCONT)
        if not _ended(process, within):
            process.kill()
            _ended(process, 10.0)
    except psutil.NoSuchProcess:
        return


def gone(process: psutil.Process) -> bool:
    """Whether it has ended. A dead process that nobody reaps counts: it holds nothing any more."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _ended(process: psutil.Process, within: float) -> bool:
    deadline = time.monotonic() + within
    while not gone(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _write_pid_file(pid_file: Path, pid: int) -> None:
    started = psutil.Process(pid).create_time()
    fresh = pid_file.with_suffix(".new")
    fresh.write_text(json.dumps({"pid": pid, "started": started}))
    fresh.replace(pid_file)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(log.suffix + ".1"))
