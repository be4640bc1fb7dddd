"""Both engines as one hub has them: found ready, quick, restartable, and clear about what is wrong."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest

from services.hub.engines.child import gone
from services.hub.engines.engines import Engines
from services.hub.engines.errors import EngineError
from services.hub.engines.nats_grants import SERVICES
from services.hub.engines.postgres import running_in
from tests.support.processes import proportional_memory, send
from tests.support.wait import until

ROOT = Path(__file__).parents[3]
MIB = 1024 * 1024


async def store_something(engines: Engines) -> None:
    """One message in the bus, one row in the database."""
    client = await nats.connect(engines.nats_url, nkeys_seed=str(engines.nats_credentials))
    await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
    await client.jetstream().publish("kept", b"x")
    await client.close()
    connection = await asyncpg.connect(engines.dsn())
    await connection.execute("CREATE SCHEMA kept; CREATE TABLE kept.kept AS SELECT 1 AS one")
    await connection.close()


async def assert_kept(engines: Engines) -> None:
    client = await nats.connect(engines.nats_url, nkeys_seed=str(engines.nats_credentials))
    assert (await client.jetstream().stream_info("KEPT")).state.messages == 1
    await client.close()
    connection = await asyncpg.connect(engines.dsn())
    assert await connection.fetchval("SELECT one FROM kept.kept") == 1
    await connection.close()


async def test_a_second_start_is_quick_and_finds_everything(home: Path) -> None:
    engines = await Engines.start(home)
    await store_something(engines)
    took = []
    for _ in range(3):  # something else may keep the machine busy; three times in a row is ours
        await engines.stop()
        began = time.monotonic()
        engines = await Engines.start(home)
        took.append(time.monotonic() - began)
        if took[-1] < 2:
            break
    assert min(took) < 2
    await assert_kept(engines)
    await engines.stop()


async def test_nothing_runs_and_nobody_holds_the_folder_after_stop(used_home: Path) -> None:
    engines = await Engines.start(used_home)
    pids = [engines.nats.pid, *(process.pid for process in running_in(engines.postgres.data))]
    await engines.stop()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    engines.home.hold()
    engines.home.release()


async def test_each_service_owns_its_schema_and_no_other(used_home: Path) -> None:
    engines = await Engines.start(used_home)
    owner = await asyncpg.connect(engines.dsn())
    for service in SERVICES:
        await owner.execute(f"CREATE SCHEMA {service} AUTHORIZATION {service}")
    await owner.close()
    leads = await asyncpg.connect(engines.dsn("leads"))
    assert await leads.fetchval("SELECT current_user") == "leads"
    await leads.execute("CREATE TABLE leads.mine ()")
    for elsewhere in ("deals.theirs", "public.anybodys"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await leads.execute(f"CREATE TABLE {elsewhere} ()")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await leads.execute("CREATE SCHEMA mine")
    await leads.close()
    await engines.stop()


async def test_the_engines_are_small_when_idle(used_home: Path) -> None:
    engines = await Engines.start(used_home, partners=["acme"])
    # The session that made the roles needs a moment to go.
    await until(lambda: len(running_in(engines.postgres.data)) <= 5)
    processes = [psutil.Process(engines.nats.pid), *running_in(engines.postgres.data)]
    total = proportional_memory(processes)
    await engines.stop()
    assert total < 64 * MIB


async def test_a_port_already_taken_is_named(used_home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EngineError, match=f"port {port} is already taken") as refused:
            await Engines.start(used_home, nats_port=port)
    assert "another port" in refused.value.remedy
    # PostgreSQL, which could start, does not stay behind.
    assert running_in(used_home / "postgres" / "data") == []


async def test_a_store_that_is_no_folder_is_named(used_home: Path) -> None:
    (used_home / "nats").mkdir()
    (used_home / "nats" / "store").write_text("x")
    with pytest.raises(EngineError, match="cannot open its store") as refused:
        await Engines.start(used_home)
    assert "backup" in refused.value.remedy


@pytest.mark.parametrize("damage", ["meta.inf", "meta.sum"])
async def test_a_stream_that_cannot_be_read_stops_the_start(used_home: Path, damage: str) -> None:
    """The server would go on without it; a new, empty one would take its place."""
    engines = await Engines.start(used_home)
    await store_something(engines)
    await engines.stop()
    (meta,) = (used_home / "nats" / "store").rglob(f"KEPT/{damage}")
    meta.write_text("garbage")
    with pytest.raises(EngineError, match="cannot read a part of its store") as refused:
        await Engines.start(used_home)
    assert "backup" in refused.value.remedy
    assert running_in(used_home / "postgres" / "data") == []


HUB = """
import asyncio, sys
from pathlib import Path
from services.hub.engines.engines import Engines
async def main():
    await Engines.start(Path(sys.argv[1]))
    print("up", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@contextmanager
def a_running_hub(used_home: Path) -> Iterator[list[psutil.Process]]:
    """Another process that has started the engines of this home, and its children; killed afterwards."""
    command = [sys.executable, "-c", HUB, str(used_home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as hub:
        try:
            assert hub.stdout is not None
            assert hub.stdout.readline() == "up\n"
            itself = psutil.Process(hub.pid)
            yield [itself, *itself.children(recursive=True)]
        finally:
            hub.kill()


async def test_a_start_after_everything_was_killed_finds_everything(used_home: Path) -> None:
    engines = await Engines.start(used_home)
    await store_something(engines)
    await engines.stop()
    with a_running_hub(used_home) as family:
        send(reversed(family), signal.SIGKILL)
    again = await Engines.start(used_home)
    await assert_kept(again)
    await again.stop()


async def test_the_engines_of_a_killed_hub_end_by_themselves(used_home: Path) -> None:
    with a_running_hub(used_home) as (_hub, *children):
        assert len(children) >= 6
    await until(lambda: all(gone(process) for process in children))


async def test_a_hub_started_while_the_last_ones_engines_still_end_waits_for_them(used_home: Path) -> None:
    with a_running_hub(used_home):
        pass
    engines = await asyncio.wait_for(Engines.start(used_home), 20)
    await engines.stop()


async def test_an_engine_that_ends_is_started_again(used_home: Path) -> None:
    engines = await Engines.start(used_home)
    await store_something(engines)
    stopping = asyncio.Event()
    keeper = asyncio.create_task(engines.keep(stopping))
    dead = engines.nats.pid, engines.postgres.pid
    await engines.nats.child.kill()
    assert engines.postgres.child is not None
    await engines.postgres.child.kill()
    await until(lambda: engines.nats.alive and engines.nats.pid != dead[0])
    await until(lambda: engines.postgres.alive and engines.postgres.pid != dead[1])
    stopping.set()
    await keeper
    await assert_kept(engines)
    await engines.stop()


async def test_partners_find_the_bus_on_the_same_port_after_a_restart(used_home: Path) -> None:
    first = await Engines.start(used_home)
    await first.stop()
    second = await Engines.start(used_home)
    await second.stop()
    assert first.nats_url == second.nats_url
