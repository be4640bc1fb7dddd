"""Throw-away folders."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_home() -> Iterator[Path]:
    """A throw-away folder with a path short enough for sockets, open to the user PostgreSQL runs as."""
    home = Path(tempfile.mkdtemp(prefix="lw-", dir="/tmp"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
