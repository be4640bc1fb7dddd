"""The main job on containers, one of each service. The steps are those of tests/e2e, on this `hub`."""

import json
import shutil

import httpx
import nats
import nats.errors
import pytest

from services.hub.settings import EXAMPLE
from tests.compose.stack import Stack
from tests.e2e.test_main_job import *  # noqa: F403
from tests.support.wait import until


@pytest.mark.parametrize(
    ("path", "status"),
    [("/livez", 200), ("/readyz", 200), ("/docs", 200), ("/metrics", 404), ("/api/leads/contacts", 401)],
)
async def test_the_proxy_shows_what_is_public_and_nothing_else(hub: Stack, path: str, status: int) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        assert (await client.get(hub.url + path)).status_code == status


async def test_one_document_describes_the_apis_of_all_services(hub: Stack) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        document = (await client.get(f"{hub.url}/openapi.json")).raise_for_status().json()
    apis = {path.split("/")[2] for path in document["paths"] if path.startswith("/api/")}
    assert apis == {"connectors", "leads", "deals", "notifications", "hub"}


async def test_provisioning_again_changes_nothing(hub: Stack) -> None:
    before = hub.compose("run", "--rm", "--no-deps", "prepare", "cat", "/deployment/nats/nats.conf")
    assert "Kept" in hub.compose("run", "--rm", "--no-deps", "prepare")
    said = hub.compose("run", "--rm", "--no-deps", "provision")
    assert "created" not in said
    assert "updated" not in said
    assert "curl " in said
    assert hub.token not in said
    assert before == hub.compose("run", "--rm", "--no-deps", "prepare", "cat", "/deployment/nats/nats.conf")


@pytest.mark.timeout(240)
async def test_a_partner_of_a_later_set_is_let_in_by_the_next_run_of_provision(hub: Stack) -> None:
    folder = hub.home / "mine"
    partner = {"kind": "nats", "settings": {"partner": "acme"}, "mapping": {"email": "email"}}
    shutil.copytree(EXAMPLE, folder)
    (folder / "more.yaml").write_text(json.dumps({"channels": {"acme": partner}}))
    assert "acme is let in by the next run of leadwire provision" in await hub.command("apply", str(folder))
    assert "acme" in hub.compose("run", "--rm", "--no-deps", "provision")
    seed = hub.home / "partners" / "acme.nk"
    seed.write_text(hub.compose("run", "--rm", "--no-deps", "prepare", "cat", "/deployment/partners/acme.nk"))
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/acme",
        "type": "e",
        "data": {"email": "a@acme.test"},
    }

    async def stored() -> bool:
        connection = await nats.connect(hub.bus, nkeys_seed=str(seed))
        try:
            answer = await connection.request("ingress.acme", json.dumps(event).encode(), timeout=5)
            return "seq" in json.loads(answer.data)
        except nats.errors.Error:
            return False
        finally:
            await connection.close()

    await until(stored, 30, every=0.5, why="the partner to be let in")
    await hub.letter_to("a@acme.test", within=60)
