"""The ports that something listens on and the places that hold state, from settings and the compose file."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from docs.generator.environment import own_settings
from docs.generator.tables import code, table
from services.hub.engines.home import EngineHome
from services.runtime.settings import PREFIX, Settings

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
ABOUT = """# Ports and places

What listens, and what has to be kept. Where a port should be open to whom: [running it](../operations.md) and
[deploying](../deploying.md). How much room each place needs: [sizes](../sizes.md).
"""
# Of somebody else's server, where we only call.
_CALLED = {"smtp_port"}
_DEFAULT = re.compile(r"\$\{(\w+):-([^}]*)\}")


def page() -> str:
    """Ports by setting, ports and volumes of the compose file, folders of a home."""
    compose = yaml.safe_load(COMPOSE.read_text("utf-8"))
    home = ((code(name), meaning) for name, meaning in folders())
    return (
        f"{ABOUT}\n## Ports of a process\n\n"
        + table(("Setting", "Default", "What listens"), sorted(set(ports())))
        + "\n## Ports that the compose file publishes\n\n"
        + table(("Container", "Address", "Setting"), published(compose))
        + "\n## Volumes of the compose file\n\n"
        + table(("Volume", "Used by"), volumes(compose))
        + "\n## Folders of a home\n\n"
        + table(("Folder", "Back it up"), home)
    )


def ports() -> Iterator[tuple[str, str, str]]:
    """Every setting that says where something listens."""
    every: list[type[Settings]] = [Settings, *own_settings()]
    for settings in every:
        for name, field in settings.model_fields.items():
            if name.endswith("port") and name not in _CALLED:
                told = field.description or ""
                yield code(PREFIX + name.upper()), code(str(field.default)), told


def published(compose: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Container, address on this machine, and what changes it."""
    for name, service in compose["services"].items():
        for port in service.get("ports", ()):
            address = _DEFAULT.sub(r"\2", str(port)).rpartition(":")[0]
            yield code(name), code(address), ", ".join(code(one) for one, _ in _DEFAULT.findall(str(port)))


def volumes(compose: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each named volume and the containers that see it."""
    for volume in sorted(compose["volumes"]):
        users = sorted(name for name, service in compose["services"].items() if volume in _seen(service))
        yield code(volume), ", ".join(code(user) for user in users)


def _seen(service: dict[str, Any]) -> set[str]:
    return {
        one["source"] if isinstance(one, dict) else str(one).split(":")[0]
        for one in service.get("volumes", ())
    }


def folders() -> Iterator[tuple[str, str]]:
    """The folders that the hub makes, and whether a backup needs them."""
    home = EngineHome(Path("home"))
    yield home.postgres.name, "yes, first"
    yield home.nats.name, "yes, second"
    yield home.secrets.name, "yes; keep it apart from the rest"
    yield home.partners.name, "yes"
    yield "mailbox", "if its letters matter"
    yield home.sockets.name, "no"
