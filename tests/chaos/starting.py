"""Processes are forked from one that has loaded everything: they start within milliseconds."""

import multiprocessing
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.chaos.orders import Orders

context: ForkServerContext = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["tests.chaos.program"])


def program(orders: "Orders") -> None:
    """The body of a service process."""
    from tests.chaos.program import main

    main(orders)


def sink(log: Path, port: int, seed: int) -> None:
    """The body of the mail server's process."""
    from tests.chaos.sink import main

    main(log, port, seed)
