"""Fixtures on real engines, shared by every test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import databases, examples, faults, wait
from tests.support.accounts import NatsAccount, pool_member, wipe
from tests.support.engines import RealEngines, chosen_engines
from tests.support.faults import PrivateEngines

if TYPE_CHECKING:
    from tests.support.hosts import Hosts, RunningHost

examples.load_profile()
_account_numbers = count()


@pytest.fixture(scope="session")
def engines() -> Iterator[RealEngines]:
    """One NATS and one PostgreSQL for the whole run."""
    with chosen_engines() as started:
        yield started


@pytest.fixture(scope="session")
def failed_migrations(engines: RealEngines) -> dict[str, Exception]:
    """Makes the template database; the services whose migrations failed, with the reason."""
    return asyncio.run(databases.make_template(engines))


@pytest.fixture
async def nats_account(engines: RealEngines) -> AsyncIterator[NatsAccount]:
    """A NATS account of the test's own, empty."""
    account = pool_member(engines.nats_url, next(_account_numbers))
    await wipe(account)
    yield account
    await wipe(account)


@pytest.fixture
async def database_dsn(
    request: pytest.FixtureRequest, engines: RealEngines, failed_migrations: dict[str, Exception]
) -> AsyncIterator[str]:
    """A database of the test's own: a fresh clone of the migrated template."""
    for service, problem in failed_migrations.items():
        if {service, "e2e"} & set(request.path.parts):
            raise RuntimeError(f"{service} does not migrate") from problem
    async with databases.clone(engines) as dsn:
        yield dsn


@pytest.fixture
async def private_engines() -> AsyncIterator[Callable[..., Awaitable[PrivateEngines]]]:
    """`await private_engines()`: engines of this test alone, to be killed and paused."""
    async with AsyncExitStack() as stack:

        async def start(max_connections: int = 60) -> PrivateEngines:
            return await stack.enter_async_context(faults.private_engines(max_connections))

        yield start


@pytest.fixture
async def hosts(nats_account: NatsAccount, database_dsn: str) -> AsyncIterator["Hosts"]:
    """Programs on this test's account and database; see tests/support/hosts.py."""
    # Loads the whole runtime, which most tests do without.
    from tests.support.hosts import Hosts

    started = Hosts(nats_account.url, database_dsn)
    yield started
    await started.close()


@pytest.fixture
def make_host(hosts: "Hosts") -> Callable[..., Awaitable["RunningHost"]]:
    """`await make_host(program)`: a program at work, stopped after the test."""
    return hosts.start


@pytest.fixture
def until() -> Callable[..., Any]:
    """`await until(condition, within=10)`: see tests/support/wait.py."""
    return wait.until
