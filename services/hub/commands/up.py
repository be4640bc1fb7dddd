"""`leadwire up`: everything in one process."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def up(
    home: Annotated[
        Path | None, typer.Option(help="Folder for all state (LEADWIRE_HOME, default ./var).")
    ] = None,
    definitions: Annotated[
        Path | None,
        typer.Option(help="Folder to apply when nothing is active yet (LEADWIRE_DEFINITIONS)."),
    ] = None,
) -> None:
    """Start everything on this machine; Ctrl-C stops it."""
    if home is not None:
        os.environ["LEADWIRE_HOME"] = str(home)
    if definitions is not None:
        os.environ["LEADWIRE_DEFINITIONS"] = str(definitions)
    # A fresh interpreter in the same process: what this command line imported stays out of its memory.
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "services.hub.up"])


COMMANDS = (up,)
