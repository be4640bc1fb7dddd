"""The world in containers: the stack of docker-compose.yml, its roads leading over proxies on this host."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.chaos.bus import BusAddress
from tests.chaos.containers import Container, VolumeDisk
from tests.chaos.mailroad import before_mail
from tests.chaos.people import Inlets
from tests.chaos.plan import ENGINES
from tests.chaos.world import DEFINITIONS, LOGS, TELEGRAM, World, places
from tests.compose.stack import ROOT, Stack, build, docker, own_ports
from tests.support.proxy import Proxy
from tests.support.proxy import Target as Place
from tests.support.scratch import scratch_home

PROJECT = "leadwire-chaos"
IN_FRONT = ("caddy", "mail-inlet")
"""What stands before the services in containers only; it is killed, too."""
_SECRETS = {
    "hub/secrets/bus.nk": "bus.nk",
    "partners/partner.nk": "partner.nk",
    "postgres/superuser.password": "superuser.password",
}


class ChaosStack(Stack):
    """The stack under a name of its own, with the definitions of chaos as its first."""

    def __init__(self, home: Path, replicas: Mapping[str, int]) -> None:
        super().__init__(home, replicas)
        self.postgres_port, self.mail_port = own_ports(2)
        self.settings |= {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "COMPOSE_FILE": f"docker-compose.yml:{Path(__file__).with_name('compose.yml').relative_to(ROOT)}",
            "LEADWIRE_DEFINITIONS": str(DEFINITIONS),
            "CHAOS_POSTGRES_PORT": str(self.postgres_port),
            "CHAOS_SMTP_PORT": str(self.mail_port),
            "CHAOS_TELEGRAM_SECRET": TELEGRAM,
        }

    def _copy_secrets(self) -> None:
        for file, name in _SECRETS.items():
            said = self.compose("run", "--rm", "--no-deps", "prepare", "cat", f"/deployment/{file}")
            self.home.mkdir(exist_ok=True)
            (self.home / name).write_text(said)

    def end(self) -> None:
        """As of any stack; a network that Docker holds to be in use after so many kills is left to it."""
        try:
            super().end()
        except AssertionError as error:
            if "active endpoints" not in str(error):
                raise
            print("Docker kept a network of the stack; the next run uses it again", flush=True)

    @property
    def dsn(self) -> str:
        """The database as its superuser, around the proxies."""
        password = (self.home / "superuser.password").read_text().strip()
        return f"postgresql://postgres:{password}@127.0.0.1:{self.postgres_port}/leadwire"

    def targets(self, replicas: Mapping[str, int]) -> dict[str, Container]:
        """Every container that can be killed, named as processes are."""
        found = {}
        for name, service in {**places(replicas), **{one: one for one in (*IN_FRONT, *ENGINES)}}.items():
            number = name.removeprefix(service).removeprefix("-") or "1"
            found[name] = Container(name, f"{PROJECT}-{service}-{number}")
        return found


@asynccontextmanager
async def stacked(replicas: Mapping[str, int], *, seed: int, dedupe_seconds: float) -> AsyncIterator[World]:
    """Everything up in containers, the definitions applied. Guards cannot be taken out of images."""
    await asyncio.to_thread(build)
    async with AsyncExitStack() as undo:
        folder = undo.enter_context(scratch_home())
        stack = ChaosStack(folder / "home", replicas)
        await asyncio.to_thread(stack.end)
        undo.push_async_callback(asyncio.to_thread, stack.end)
        sink_log = folder / "sink.log"
        gateway = await asyncio.to_thread(_gateway)
        smtp = await undo.enter_async_context(before_mail(sink_log, seed, gateway, stack.mail_port))
        roads = {
            "nats": Proxy(Place(port=stack.nats_port), gateway, 4222),
            "postgres": Proxy(Place(port=stack.postgres_port), gateway, 5432),
        }
        for road in roads.values():
            await road.start()
            undo.push_async_callback(road.close)
        await stack.start(within=600)
        undo.callback(_keep_logs, stack)
        bus = BusAddress(stack.bus, stack.home / "bus.nk")
        await _shorten_memory(bus, dedupe_seconds)
        partner = BusAddress(stack.bus, stack.home / "partner.nk")
        yield World(
            dsn=stack.dsn,
            bus=bus,
            sink_log=sink_log,
            inlets=Inlets(stack.http_port, stack.smtp_port, partner, TELEGRAM),
            targets=dict(stack.targets(replicas)),
            mail=smtp,
            roads={**roads, "smtp": smtp},
            disks={name: VolumeDisk(f"{PROJECT}-disks-1", name) for name in ENGINES},
        )


def _gateway() -> str:
    """Where containers reach this host."""
    form = "{{(index .IPAM.Config 0).Gateway}}"
    return docker("network", "inspect", "bridge", "--format", form).strip()


async def _shorten_memory(bus: BusAddress, seconds: float) -> None:
    """Let the bus forget ids soon, so that what is published twice arrives twice."""
    connection = await bus.connect()
    try:
        js = connection.jetstream()
        for stream in await js.streams_info():
            if str(stream.config.name).startswith(("KV_", "OBJ_")):
                continue
            await js.update_stream(stream.config.evolve(duplicate_window=seconds))
    finally:
        await connection.close()


def _keep_logs(stack: ChaosStack) -> None:
    kept = LOGS / "containers"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "all.log").write_text(stack.compose("logs", "--no-color"))
