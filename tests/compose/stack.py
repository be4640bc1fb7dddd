"""The stack of docker-compose.yml under a name and ports of its own, used as a hub is in tests/e2e."""

import asyncio
import itertools
import os
import random
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from services.hub.engines.nats import is_free
from services.hub.mailbox.files import Caught, Mailbox
from tests.e2e.hub import Hub
from tests.support.scratch import scratch_home

ROOT = Path(__file__).parents[2]
PROJECT, VERSION = "leadwire-test", "test"
SERVICES = ("connectors", "leads", "deals", "notifications", "hub")
_PORTS = range(27_000, 30_000)
_BUILD_SECONDS, _START_SECONDS = 1800, 300


def docker(
    *arguments: str, environment: Mapping[str, str] | None = None, within: float = 300, told: str = ""
) -> str:
    """What a docker command printed, `told` something. AssertionError with its words when it fails."""
    done = subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        input=told,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def own_ports(count: int) -> list[int]:
    """Free ports, apart from those that other tests take: they are used seconds later only."""
    wanted = random.sample(_PORTS, len(_PORTS))
    return list(itertools.islice(filter(is_free, wanted), count))


def image(service: str) -> str:
    """The image of a service, as these tests build it."""
    return f"leadwire/{service}:{VERSION}"


def build() -> None:
    """Every image, one after the other: the layer of dependencies is made once."""
    for service in ("prepare", *SERVICES[:-1]):
        docker("compose", "build", service, environment={"LEADWIRE_VERSION": VERSION}, within=_BUILD_SECONDS)


def built(service: str) -> str:
    """The id of the image that bears the name now."""
    return docker("image", "inspect", "--format", "{{.Id}}", image(service)).strip()


def build_newer() -> None:
    """Images of the same names that differ in a label, as those of the next release do in more."""
    for service in SERVICES:
        recipe = f"FROM {image(service)}\nLABEL test.release=next\n"
        docker("build", "--quiet", "--tag", image(service), "-", told=recipe)


class Stack(Hub):
    """Containers in place of a process; `home` holds copies of the secrets that people are told of."""

    def __init__(self, home: Path, replicas: Mapping[str, int]) -> None:
        super().__init__(home)
        self.http_port, self.smtp_port, self.nats_port = own_ports(3)
        self.environment["LEADWIRE_PORT"] = str(self.http_port)
        self.settings = {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "LEADWIRE_VERSION": VERSION,
            "LEADWIRE_PORT": str(self.http_port),
            "LEADWIRE_SMTP_INLET_PORT": str(self.smtp_port),
            "LEADWIRE_NATS_PORT": str(self.nats_port),
            **{f"LEADWIRE_REPLICAS_{service.upper()}": str(count) for service, count in replicas.items()},
        }
        self.kept = Mailbox(home / "mailbox")

    @property
    def bus(self) -> str:
        return f"nats://127.0.0.1:{self.nats_port}"

    def compose(self, *arguments: str, within: float = 300) -> str:
        """Run `docker compose` on this stack."""
        return docker("compose", *arguments, environment=self.settings, within=within)

    async def start(self, within: float = _START_SECONDS) -> float:
        """`docker compose up` and wait until all of it is healthy."""
        begun = asyncio.get_running_loop().time()
        await asyncio.to_thread(self.compose, "up", "--detach", "--no-build", "--wait", within=within)
        self._copy_secrets()
        return asyncio.get_running_loop().time() - begun

    def _copy_secrets(self) -> None:
        for file, place in (
            ("hub/secrets/admin.token", "secrets/admin.token"),
            ("connectors/definitions.env", "secrets/definitions.env"),
            ("partners/courses-portal.nk", "partners/courses-portal.nk"),
        ):
            said = self.compose("run", "--rm", "--no-deps", "prepare", "cat", f"/deployment/{file}")
            (self.home / place).parent.mkdir(parents=True, exist_ok=True)
            (self.home / place).write_text(said)

    def containers(self, service: str) -> list[str]:
        """The running containers of a service."""
        return self.compose("ps", "--quiet", "--status", "running", service).split()

    def inspected(self, *services: str) -> dict[str, tuple[str, str]]:
        """Containers of these services, or of all, by id: the name of the image, and which one it is."""
        ids = self.compose("ps", "--all", "--quiet", *services).split()
        said = docker("inspect", "--format", "{{.Id}} {{.Config.Image}} {{.Image}}", *ids)
        return {known: (name, has) for known, name, has in map(str.split, said.splitlines())}

    def upgrade(self, within: float = 600) -> str:
        """Every step that docs/deploying.md names once the newer images are built; what they printed."""
        page = (ROOT / "docs" / "deploying.md").read_text()
        first, *steps = page.split("\nUpgrade:\n")[1].split("```")[1].strip().splitlines()
        assert first == "git pull && docker compose build"
        done = subprocess.run(
            ["sh", "-exc", "\n".join(steps)],
            cwd=ROOT,
            env={**os.environ, **self.settings},
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, sql: str) -> list[list[str]]:
        """Rows of a query, every value as text."""
        said = self.compose(
            "exec", "-T", "postgres", "psql", "-U", "postgres", "-d", "leadwire", "-AtF", "\t", "-c", sql
        )
        return [line.split("\t") for line in said.splitlines()]

    async def get(self, path: str, **query: Any) -> Any:
        """As of a hub, with every page of it: a stack under traffic has many."""
        found = await super().get(path, **query)
        while cursor := isinstance(found, dict) and found.get("next"):
            more = await super().get(path, **{**query, "cursor": cursor})
            found = {
                name: value + more[name] if isinstance(value, list) else more[name]
                for name, value in found.items()
            }
        return found

    async def count(self, table: str) -> int:
        [[count]] = await asyncio.to_thread(self.ask, f"SELECT count(*) FROM {table}")
        return int(count)

    def letters_to(self, address: str) -> list[Caught]:
        found = (self._letter(line["name"]) for line in self.letter_lines() if line["recipient"] == address)
        return list(found)

    def letter_lines(self) -> list[dict[str, Any]]:
        """Every caught letter as the API lists it, the newest first."""
        lines: list[dict[str, Any]] = []
        with httpx.Client(headers={"Authorization": f"Bearer {self.token}"}, timeout=30) as client:
            while True:
                query = {"limit": 500, "offset": len(lines)}
                page = client.get(f"{self.url}/api/hub/mailbox", params=query).raise_for_status().json()
                lines += page["letters"]
                if len(page["letters"]) < 500:
                    return lines

    def _letter(self, name: str) -> Caught:
        file = self.kept.folder / name
        if not file.exists():
            raw = httpx.get(f"{self.url}/mailbox/{name}/raw", timeout=30).raise_for_status().content
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(raw)
        found = self.kept.read(name)
        assert found is not None
        return found

    def end(self) -> None:
        """Containers, networks and volumes go."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")


@contextmanager
def stack(replicas: Mapping[str, int]) -> Iterator[Stack]:
    """A stack, not started; nothing of it is left afterwards."""
    with scratch_home() as folder:
        one = Stack(folder / "home", replicas)
        one.end()
        try:
            yield one
        finally:
            one.end()
