"""What can be killed and paused: processes here, containers in targets beside; the faults know neither."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from typing import Protocol

import httpx

from services.hub.engines.errors import EngineError
from tests.chaos.orders import Orders
from tests.chaos.starting import context, program
from tests.support.faults import PrivateEngines
from tests.support.wait import until


class Target(Protocol):
    """A process, however it is run."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    async def kill(self) -> None:
        """SIGKILL; it is gone when this returns."""
        ...

    async def start(self) -> None:
        """Run it again on whatever it left."""
        ...

    async def pause(self) -> None:
        """SIGSTOP: alive, connected and silent."""
        ...

    async def resume(self) -> None:
        """SIGCONT."""
        ...


class ServiceProcess:
    """One service process. `url` answers /readyz."""

    def __init__(self, name: str, orders: Orders, url: str) -> None:
        self.name = name
        self.url = url
        self.orders = orders
        self._process: ForkServerProcess | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs, paused included."""
        return self._process is not None and self._process.is_alive()

    async def kill(self) -> None:
        """SIGKILL."""
        if process := self._process:
            process.kill()
            await asyncio.to_thread(process.join)

    async def start(self) -> None:
        """Run it; returns at once."""
        if not self.alive:
            process = context.Process(target=program, args=(self.orders,), daemon=True)
            process.start()
            self._process = process

    async def pause(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    async def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self.alive:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid or 0, number)

    async def ready(self, within: float = 60.0) -> None:
        """Wait until it says so."""

        told: list[str] = []

        async def asked() -> bool:
            if not self.alive:
                raise AssertionError(f"{self.name} ended by itself; see {self.orders.log}")
            with suppress(httpx.HTTPError):
                answer = await client.get(f"{self.url}/readyz")
                told.append(answer.text)
                return answer.status_code == 200
            return False

        # Reading certificates takes longer than the whole question.
        async with httpx.AsyncClient(timeout=5, verify=False) as client:
            try:
                await until(asked, within, every=0.1)
            except AssertionError as error:
                raise AssertionError(f"{self.name} is not ready: {told[-1:]}") from error


class NatsProcess:
    """The bus."""

    name = "nats"

    def __init__(self, engines: PrivateEngines) -> None:
        self._engines = engines

    async def kill(self) -> None:
        """SIGKILL."""
        await self._engines.kill_nats()

    async def start(self) -> None:
        """Start it on the same port and store."""
        await _insist(self.name, self._engines.restart_nats)

    async def pause(self) -> None:
        """SIGSTOP."""
        self._engines.pause_nats()

    async def resume(self) -> None:
        """SIGCONT."""
        self._engines.resume_nats()


class PostgresProcess:
    """The database, with every backend."""

    name = "postgres"

    def __init__(self, engines: PrivateEngines) -> None:
        self._engines = engines

    async def kill(self) -> None:
        """SIGKILL of all of it."""
        await self._engines.kill_postgres()

    async def start(self) -> None:
        """Start it on the same data; it recovers."""
        await _insist(self.name, self._engines.restart_postgres)

    async def pause(self) -> None:
        """SIGSTOP of all of it."""
        self._engines.pause_postgres()

    async def resume(self) -> None:
        """SIGCONT."""
        self._engines.resume_postgres()


async def _insist(name: str, start: Callable[[], Awaitable[None]], times: int = 20) -> None:
    """An engine may not start while its disk is full; whoever operates it tries again."""
    for left in reversed(range(times)):
        try:
            await start()
            break
        except (EngineError, OSError) as error:
            if not left:
                raise
            print(f"{name} did not start, again: {error}", flush=True)
            await asyncio.sleep(1.0)
