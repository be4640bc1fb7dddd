"""PostgreSQL as a child: who it runs as, what it survives, what it refuses."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest

from services.hub.engines import identity as identities
from services.hub.engines.child import gone
from services.hub.engines.errors import EngineError
from services.hub.engines.postgres import PostgresServer, binaries, fit, running_in
from tests.support.faults import PrivateEngines
from tests.support.wait import until

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def server(used_home: Path) -> PostgresServer:
    return PostgresServer(used_home / "postgres", used_home / "run")


async def ask(postgres: PostgresServer, sql: str) -> object:
    connection = await asyncpg.connect(postgres.dsn())
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@ROOT_ONLY
async def test_a_hub_run_by_root_drops_to_an_ordinary_user(home: Path) -> None:
    postgres = server(home)
    await postgres.start()
    try:
        assert psutil.Process(postgres.pid).uids().real != 0
        assert await ask(postgres, "SELECT 1") == 1
    finally:
        await postgres.stop()


@ROOT_ONLY
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has user namespaces")
async def test_below_a_closed_folder_it_runs_in_a_user_namespace(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    postgres = server(closed)
    await postgres.start()
    try:
        assert psutil.Process(postgres.pid).uids().real == 0
        assert _namespace(postgres.pid) != _namespace(os.getpid())
        assert await ask(postgres, "SELECT 1") == 1
    finally:
        await postgres.stop()


@ROOT_ONLY
async def test_a_data_folder_may_move_between_open_and_closed_places(used_home: Path) -> None:
    closed = used_home / "closed"
    closed.mkdir(mode=0o700)
    first = server(used_home)
    await first.start()
    await ask(first, "CREATE TABLE kept ()")
    await first.stop()
    (used_home / "postgres").rename(closed / "postgres")
    for place in (closed, used_home):
        moved = server(place)
        await moved.start()
        assert await ask(moved, "SELECT count(*) FROM kept") == 0
        await moved.stop()
        if place == closed:
            (closed / "postgres").rename(used_home / "postgres")


def test_when_no_identity_works_the_error_says_what_to_do(
    used_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(identities, "_try", lambda *_: "not allowed")
    with pytest.raises(EngineError, match="does not run as root") as refused:
        identities.choose(binaries() / "postgres", used_home)
    assert "ordinary user" in refused.value.remedy


async def test_it_is_small_durable_and_deaf_to_networks(used_home: Path) -> None:
    postgres = server(used_home)
    await postgres.start()
    try:
        shown = {
            name: await ask(postgres, f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "jit")
        }
        assert shown == {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "listen_addresses": "",
            "jit": "off",
        }
        assert await ask(postgres, "SHOW server_encoding") == "UTF8"
        assert await ask(postgres, "SELECT lower('ЁЖ') || upper('é')") == "ёжÉ"
        assert not [c for c in psutil.Process(postgres.pid).net_connections() if c.laddr and c.family != 1]
        assert len(running_in(postgres.data)) <= 6
    finally:
        await postgres.stop()


async def test_its_log_tells_nothing_of_the_data(used_home: Path) -> None:
    postgres = server(used_home)
    await postgres.start()
    connection = await asyncpg.connect(postgres.dsn())
    await connection.execute("CREATE TABLE people (email text PRIMARY KEY)")
    await connection.execute("INSERT INTO people VALUES ('ann@example.org')")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("INSERT INTO people VALUES ('ann@example.org')")
    with pytest.raises(asyncpg.PostgresError):
        await connection.execute("SELECT 'ann@example.org'::uuid")
    await connection.close()
    await postgres.stop()
    assert "ann@example.org" not in (used_home / "postgres" / "postgres.log").read_text()


async def test_what_was_committed_survives_the_killing_of_every_process(used_home: Path) -> None:
    engines = PrivateEngines.__new__(PrivateEngines)
    engines.postgres = server(used_home)
    await engines.postgres.start()
    await ask(engines.postgres, "CREATE TABLE kept ()")
    await engines.kill_postgres()
    assert (used_home / "postgres" / "data" / "postmaster.pid").exists()
    await engines.postgres.start()
    assert await ask(engines.postgres, "SELECT count(*) FROM kept") == 0
    await engines.postgres.stop()


async def test_backends_that_outlive_their_server_are_stopped(used_home: Path) -> None:
    """A killed postmaster leaves a busy backend that still holds the shared memory."""
    postgres = server(used_home)
    await postgres.start()
    connection = await asyncpg.connect(postgres.dsn())
    backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
    backend.send_signal(signal.SIGSTOP)
    assert postgres.child is not None
    await postgres.child.kill()
    await postgres.start()
    assert await ask(postgres, "SELECT 1") == 1
    assert gone(backend)
    connection.terminate()
    await postgres.stop()


async def test_an_interrupted_creation_is_begun_anew(home: Path) -> None:
    half = home / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    postgres = server(home)
    await postgres.start()
    assert await ask(postgres, "SELECT 1") == 1
    await postgres.stop()


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "not a whole PostgreSQL data folder"),
        ({"PG_VERSION": "18\n"}, "not a whole PostgreSQL data folder"),
        ({"PG_VERSION": "12\n"}, "written by PostgreSQL 12"),
        ({"PG_VERSION": "\x00garbage"}, "written by PostgreSQL"),
    ],
)
def test_a_data_folder_it_cannot_open_is_named_with_the_remedy(
    home: Path, files: dict[str, str], problem: str
) -> None:
    for name, text in files.items():
        (home / name).write_text(text)
    with pytest.raises(EngineError, match=problem) as refused:
        fit(home)
    assert "backup" in refused.value.remedy


async def test_damage_that_only_the_server_sees_is_told_in_its_words(used_home: Path) -> None:
    postgres = server(used_home)
    await postgres.start()
    await postgres.stop()
    (used_home / "postgres" / "data" / "global" / "pg_control").write_bytes(b"\0" * 8192)
    with pytest.raises(EngineError, match="its last words"):
        await postgres.start()
    assert not postgres.alive


async def test_stopping_ends_sessions_and_leaves_nothing_running(used_home: Path) -> None:
    postgres = server(used_home)
    await postgres.start()
    connection = await asyncpg.connect(postgres.dsn())
    sleeper = asyncio.create_task(connection.execute("SELECT pg_sleep(600)"))
    await until(lambda: len(running_in(postgres.data)) > 1)
    await postgres.stop()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await sleeper
    assert running_in(postgres.data) == []
    connection.terminate()


def _namespace(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/user")
