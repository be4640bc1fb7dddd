"""The same engines from their public images, for LEADWIRE_TEST_ENGINES=containers."""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import asyncpg

from services.hub.engines.nats import greet
from services.hub.engines.nats_config import ServerConfig, render
from tests.support.accounts import pool_accounts

NATS_IMAGE = "nats:2-alpine"
POSTGRES_IMAGE = "postgres:17-alpine"
SERVER_NAME = "leadwire-test"
PASSWORD = "test"
START_SECONDS = 60.0


@dataclass(frozen=True)
class ContainerEngines:
    """Where the containers can be reached."""

    nats_url: str
    postgres: str

    def dsn(self, database: str) -> str:
        return f"postgresql://postgres:{PASSWORD}@{self.postgres}/{database}"


@contextmanager
def container_engines() -> Iterator[ContainerEngines]:
    """Both engines, removed at the end. Needs a Docker engine."""
    # Read when testcontainers is imported: its helper container would be one more image to pull.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.container import DockerContainer

    nats = DockerContainer(NATS_IMAGE).with_exposed_ports(4222)
    nats.with_command(["-c", "/leadwire.conf"])
    nats.with_copy_into_container(_nats_config().encode(), "/leadwire.conf")
    postgres = DockerContainer(POSTGRES_IMAGE).with_exposed_ports(5432)
    postgres.with_env("POSTGRES_PASSWORD", PASSWORD)
    postgres.with_env("POSTGRES_INITDB_ARGS", "--locale-provider=builtin --builtin-locale=C.UTF-8")
    postgres.with_command(["postgres", "-c", "max_connections=100", "-c", "jit=off"])
    with nats, postgres:
        port = int(nats.get_exposed_port(4222))
        engines = ContainerEngines(f"nats://127.0.0.1:{port}", _place(postgres))
        asyncio.run(_both_ready(engines, port))
        yield engines


def _nats_config() -> str:
    config = ServerConfig(SERVER_NAME, 4222, PurePosixPath("/data"), pool_accounts(), "SYS", host="0.0.0.0")
    return render(config)


def _place(container: Any) -> str:
    return f"127.0.0.1:{container.get_exposed_port(5432)}"


async def _both_ready(engines: ContainerEngines, port: int) -> None:
    async def nats_ready() -> bool:
        return (await greet(port)).get("server_name") == SERVER_NAME

    async def postgres_ready() -> bool:
        # The image runs a first server on its socket only; over the network the real one answers.
        try:
            connection = await asyncpg.connect(engines.dsn("postgres"), timeout=2)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

    await asyncio.gather(_ready(nats_ready, "NATS"), _ready(postgres_ready, "PostgreSQL"))


async def _ready(asked: Callable[[], Coroutine[Any, Any, bool]], name: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not await asked():
        if time.monotonic() > deadline:
            raise RuntimeError(f"the {name} container was not ready within {START_SECONDS:.0f} s")
        await asyncio.sleep(0.1)
