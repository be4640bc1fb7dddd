"""Disks that can be filled: a small tmpfs where mounting is allowed, else a limit on the bus's streams."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

MEGABYTE = 1024 * 1024


class Disk(Protocol):
    """Something that can be full."""

    @property
    def kind(self) -> str:
        """What it is, for the report."""
        ...

    async def fill(self) -> None:
        """From now on nothing more fits."""
        ...

    async def free(self) -> None:
        """There is room again."""
        ...


class SmallDisk:
    """A file system of its own; filling it means a real ENOSPC."""

    kind = "a tmpfs, filled until nothing more could be written"

    def __init__(self, place: Path) -> None:
        self.place = place
        self._ballast = place / "ballast"

    async def fill(self) -> None:
        """Write until the disk is full."""
        await asyncio.to_thread(self._fill)

    def _fill(self) -> None:
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
            for size in (MEGABYTE, 4096):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))

    async def free(self) -> None:
        """Take the ballast away."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[SmallDisk | None]:
    """A tmpfs at `place`; None where this machine does not let us mount one."""
    place.mkdir(parents=True, exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(place)]
    try:
        mounted = (
            os.geteuid() == 0
            and not subprocess.run(["mount", *options], capture_output=True, check=False).returncode
        )
    except OSError:
        mounted = False
    try:
        yield SmallDisk(place) if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)
