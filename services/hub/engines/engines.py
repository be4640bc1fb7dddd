"""Both engines of one hub, started and stopped together."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from services.hub.engines import roles
from services.hub.engines.errors import EngineError
from services.hub.engines.home import EngineHome, unusable
from services.hub.engines.keys import partner_seed, public_key
from services.hub.engines.nats import NatsServer, free_port, is_free
from services.hub.engines.nats_accounts import HUB_USER, SYSTEM, accounts
from services.hub.engines.nats_config import Account
from services.hub.engines.nats_grants import SERVICES
from services.hub.engines.postgres import PostgresServer

log = structlog.get_logger()

SYSTEM_USER = "sys"
LOOK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


class Engines:
    """A running NATS server and a running PostgreSQL over one home folder."""

    def __init__(self, home: EngineHome, nats: NatsServer, postgres: PostgresServer) -> None:
        self.home = home
        self.nats = nats
        self.postgres = postgres

    @classmethod
    async def start(cls, home: Path, *, nats_port: int = 0, partners: Sequence[str] = ()) -> "Engines":
        """Start both, creating what is missing below `home`. Port 0 takes any that is free.

        EngineError, with nothing left running, when one of them cannot start.
        """
        place = EngineHome(home)
        place.hold()
        engines = None
        try:
            nats = cls.nats_server(place, partners, nats_port)
            engines = cls(place, nats, PostgresServer(place.postgres, place.sockets))
            await engines._start_both()
        except BaseException as problem:
            await (engines.stop() if engines else _released(place))
            if isinstance(problem, OSError):
                raise unusable(place.folder, problem) from problem
            raise
        return engines

    @staticmethod
    def nats_server(home: EngineHome, partners: Sequence[str] = (), port: int = 0) -> NatsServer:
        """The NATS server of a hub, not started; makes the keys that are missing."""
        return NatsServer(
            home.nats, _accounts(home, partners), system_account=SYSTEM, port=port or _same_port(home)
        )

    async def _start_both(self) -> None:
        ends = await asyncio.gather(self.nats.start(), self._start_postgres(), return_exceptions=True)
        for problem in ends:
            if problem is not None:
                raise problem

    async def _start_postgres(self) -> None:
        await self.postgres.start()
        await roles.establish(self.postgres.dsn(), tuple(SERVICES))

    @property
    def nats_url(self) -> str:
        """Where the bus listens; credentials are seeds in files."""
        return self.nats.url

    @property
    def nats_credentials(self) -> Path:
        """The seed file of the user that may do everything on the hub's side of the bus."""
        return self.seed(HUB_USER)

    def seed(self, user: str) -> Path:
        """The seed file of `hub`, `sys` or a service."""
        return _seed(self.home, user)

    def partner_seed(self, name: str) -> Path:
        """The seed file to hand to a partner."""
        return partner_seed(self.home.partners, name)

    def dsn(self, role: str = roles.OWNER) -> str:
        """The connection string of the hub's database for the owner or a service."""
        return self.postgres.dsn(role, roles.DATABASE)

    async def reload_partners(self, partners: Sequence[str]) -> None:
        """Admit exactly these partners from now on; nobody else is disconnected. EngineError when refused."""
        await self.nats.reload(_accounts(self.home, partners))

    async def keep(self, stopping: asyncio.Event) -> None:
        """Start again whichever ends, until `stopping` is set. Let it return before `stop`."""
        pause = LOOK_SECONDS
        while not await _set_within(stopping, pause):
            revived = [await _revive(engine) for engine in (self.nats, self.postgres) if not engine.alive]
            pause = LOOK_SECONDS if all(revived) else min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def stop(self) -> None:
        """Stop both and let go of the folder."""
        try:
            await asyncio.gather(self.nats.stop(), self.postgres.stop())
        finally:
            self.home.release()


async def _revive(engine: NatsServer | PostgresServer) -> bool:
    """Start an engine that has ended; says whether it could."""
    log.error("engine.ended", engine=engine.name)
    try:
        await engine.start()
    except EngineError as problem:
        log.error("engine.not_started", engine=engine.name, problem=problem.problem, remedy=problem.remedy)
        return False
    log.warning("engine.started_again", engine=engine.name)
    return True


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


async def _released(home: EngineHome) -> None:
    home.release()


def _same_port(home: EngineHome) -> int:
    """The port of the last start if it is free, so that partners find the bus again; else any."""
    memory = home.nats / "port"
    last = memory.read_text().strip() if memory.exists() else ""
    port = int(last) if last.isdigit() and is_free(int(last)) else free_port()
    memory.write_text(str(port))
    return port


def _seed(home: EngineHome, user: str) -> Path:
    return home.secrets / f"{user}.nk"


def _accounts(home: EngineHome, partners: Sequence[str]) -> list[Account]:
    users = (HUB_USER, SYSTEM_USER, *SERVICES)
    keys = {user: public_key(_seed(home, user)) for user in users}
    seeds = {name: public_key(partner_seed(home.partners, name)) for name in partners}
    return accounts(keys, seeds)
