"""Printing for people: colours and columns on a terminal, whole lines anywhere else."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

_WIDE = 400


def console() -> Console:
    """A console that cuts nothing off when its output is read by a program."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDE)


def print_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Columns without a frame."""
    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console().print(table)
