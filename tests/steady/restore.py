"""The drill of docs/operations.md: back up a hub at work, lose everything, restore, and count."""

import asyncio
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.hub.engines.postgres import binaries
from services.hub.topology import SERVICES
from tests.e2e.hub import Hub, a_hub
from tests.steady.load import Forms
from tests.steady.progress import caught_up, letters, recipients, wrong_rows
from tests.support.scratch import scratch_home
from tests.support.wait import until

COPIED = ("nats", "secrets", "partners", "mailbox")
_RATE = 20.0
_STEP_SECONDS = 3.0


@dataclass
class Backup:
    """A folder with a backup in it, and what had been promised when it was complete."""

    folder: Path
    begun: str
    """A while before, as `--since` takes it."""
    accepted: set[str] = field(default_factory=set)
    most: int = 0
    """Forms that had been sent by then, answered or not."""
    told: Counter[str] = field(default_factory=Counter)
    """Who had a letter when everything was lost."""


def save_database(hub: Hub, to: Path) -> None:
    """First PostgreSQL, at work: the copy is as of the moment it ends."""
    program = str(binaries() / "pg_basebackup")
    server = ["-h", str(hub.home / "run"), "-U", "postgres"]
    target = to / "postgres" / "data"
    subprocess.run(
        [program, *server, "-D", str(target), "-X", "stream", "--no-slot", "-c", "fast"], check=True
    )


def save_rest(hub: Hub, to: Path) -> float:
    """Then the bus, held still while it is copied: what it has acknowledged is on disk. Seconds held."""
    [nats] = [one for one in hub.family() if one.name() == "nats-server"]
    nats.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    try:
        for folder in COPIED:
            shutil.copytree(hub.home / folder, to / folder, symlinks=True)
    finally:
        nats.send_signal(signal.SIGCONT)
    return time.monotonic() - begun


async def run() -> bool:
    """One drill; whether all that was promised before the backup was complete is there, once."""
    with scratch_home() as folder:
        backup = await _made(Backup(folder, f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"))
        with a_hub() as hub:
            shutil.copytree(backup.folder, hub.home, symlinks=True)
            took = await hub.start()
            print(f"  restored; ready after {took:.1f} s")
            at_first = recipients(hub)
            for service in SERVICES:
                said = await hub.command("reader", "refill", service, "--since", backup.begun)
                print(f"  {service}: {said.strip()}")
            await until(lambda: _all_done(hub, backup), 120, every=1, why="every enquiry")
            wrong = await wrong_rows(hub, backup.accepted, backup.most)
            again = recipients(hub) - at_first
            twice = len(set(again) & set(backup.told))
            print(f"  {again.total()} letters went out after it, {twice} of them for the second time")
    print("\n".join(f"  WRONG: {one}" for one in wrong) or "  nothing of what was accepted is missing")
    return not wrong


async def _all_done(hub: Hub, backup: Backup) -> bool:
    enrolled = await hub.count("notifications.enrolments")
    return enrolled >= len(backup.accepted) and backup.accepted <= set(recipients(hub))


async def _made(backup: Backup) -> Backup:
    """A hub that takes forms all the while; afterwards it is gone with its home."""
    with a_hub() as hub:
        await hub.start()
        forms = Forms(hub.http_port)
        sending = asyncio.create_task(forms.send(_RATE, 5 * _STEP_SECONDS))
        await asyncio.sleep(_STEP_SECONDS)
        await asyncio.to_thread(save_database, hub, backup.folder)
        print(f"  PostgreSQL saved; {len(forms.accepted)} forms accepted, {letters(hub)} letters out")
        await asyncio.sleep(_STEP_SECONDS)
        backup.accepted = forms.accepted
        held = await asyncio.to_thread(save_rest, hub, backup.folder)
        backup.most = forms.sent
        print(f"  bus saved, held for {held:.2f} s; {len(backup.accepted)} forms accepted")
        await sending
        await caught_up(hub, len(forms.accepted), 60, tell=False)
        backup.told = recipients(hub)
        print(f"  lost: {len(forms.accepted)} forms accepted, {letters(hub)} letters out")
        forms.close()
    return backup
