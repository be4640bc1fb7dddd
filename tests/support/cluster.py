"""A PostgreSQL data folder that was made once, copied for whoever needs a fresh one: initdb is slow."""

import asyncio
import atexit
import shutil
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from services.hub.engines.postgres import PostgresServer
from tests.support.scratch import scratch_home


def lay(data: Path) -> None:
    """Put a fresh copy at `data`, as PostgreSQL would have made it."""
    data.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(made_once(), data)


@cache
def made_once() -> Path:
    """The folder that is copied. Not for a running event loop."""
    stack = ExitStack()
    home = stack.enter_context(scratch_home())
    atexit.register(stack.close)
    server = PostgresServer(home / "pg", home / "run")
    asyncio.run(_start_and_stop(server))
    return server.data


async def _start_and_stop(server: PostgresServer) -> None:
    await server.start()
    await server.stop()
