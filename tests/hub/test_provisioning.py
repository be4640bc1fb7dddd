import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from services.hub.engines.nats_config import ServerConfig
from services.hub.provisioning import behind, connected, migrate, newest
from services.hub.settings import HubSettings
from services.hub.topology import SERVICES, specs
from services.runtime.provision import drift
from services.runtime.provision import provision as provision_streams
from services.runtime.publishing import BusUnavailable
from services.runtime.streams import StreamSpec, facts_stream
from tests.support.accounts import NatsAccount
from tests.support.databases import EMPTY
from tests.support.engines import RealEngines

LEADWIRE = str(Path(sys.executable).with_name("leadwire"))
_numbers = count()


@pytest.fixture
async def empty_dsn(engines: RealEngines) -> str:
    """A database with nothing in it."""
    name = f"empty_{os.getpid()}_{next(_numbers)}"
    connection = await asyncpg.connect(engines.dsn("postgres"))
    await connection.execute(f'CREATE DATABASE "{name}" {EMPTY}')
    await connection.close()
    return engines.dsn(name)


def provision(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [LEADWIRE, "provision", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_the_command_makes_streams_and_tables_and_again_changes_nothing(
    nats_account: NatsAccount, empty_dsn: str
) -> None:
    environment = {
        "LEADWIRE_NATS_URL": nats_account.url,
        "LEADWIRE_DATABASE_URL": empty_dsn,
        "LEADWIRE_PARTNERS": '["acme"]',
    }
    assert await behind(empty_dsn, SERVICES) == list(SERVICES)
    first = provision(environment)
    assert first.returncode == 0, first.stderr
    assert "created INTAKE" in first.stdout
    assert "created INGRESS_ACME" in first.stdout
    assert await behind(empty_dsn, SERVICES) == []
    bus = await connected(HubSettings(nats_url=nats_account.url))
    assert await drift(bus, specs(["acme"])) == []
    await bus.close()
    again = provision(environment)
    assert "as they should be" in again.stdout
    assert again.returncode == 0


async def test_a_hub_from_before_calls_had_two_owners_is_brought_up_to_date(
    nats_account: NatsAccount,
) -> None:
    bus = await connected(HubSettings(nats_url=nats_account.url))
    before = [facts_stream("connectors", ["interactions", "calls"]), facts_stream("leads", ["leads"])]
    await provision_streams(bus, before)
    await bus.publish("CRM_CONNECTORS", "crm.calls.ringing.v1.00", b"kept")
    # Whoever takes a subject may come before whoever gives it away.
    await provision_streams(bus, reversed(specs()))
    assert await drift(bus, specs()) == []
    assert (await bus.js.get_msg("CRM_CONNECTORS", 1)).data == b"kept"
    assert (await bus.js.publish("crm.calls.identified.v1.00", b"")).stream == "CRM_LEADS"
    await bus.close()


def test_the_command_says_what_is_missing(nats_account: NatsAccount) -> None:
    away = provision(
        {"LEADWIRE_NATS_URL": nats_account.url, "LEADWIRE_DATABASE_URL": "postgresql://127.0.0.1:1/x"}
    )
    assert away.returncode == 1
    assert "database answers" in away.stderr
    wrong = provision({"LEADWIRE_PORT": "many"})
    assert wrong.returncode == 1
    assert "LEADWIRE_PORT" in wrong.stderr


async def test_a_bus_that_is_not_there_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.hub.provisioning._CONNECT_SECONDS", 0.3)
    with pytest.raises(BusUnavailable):
        await connected(HubSettings(nats_url="nats://127.0.0.1:1"))


def test_a_migration_that_fails_is_told_in_one_sentence() -> None:
    from services.hub.errors import HubProblem

    with pytest.raises(HubProblem) as problem:
        migrate("postgresql://127.0.0.1:1/x", ["leads"])
    assert "cannot be brought up to date" in problem.value.problem


@pytest.mark.parametrize("service", SERVICES)
def test_the_newest_revision_is_the_one_that_alembic_finds(service: str) -> None:
    from services.runtime.migrate import history

    assert newest(service) == history(service).get_current_head()


def test_fifty_partners_fit_into_the_store_of_an_embedded_bus() -> None:
    """The server sets the limit of every stream aside, however little is in it."""
    streams = [spec for spec in specs(f"p{number}" for number in range(50)) if isinstance(spec, StreamSpec)]
    wanted = sum(spec.max_bytes or 0 for spec in streams)
    assert wanted < ServerConfig.max_store
