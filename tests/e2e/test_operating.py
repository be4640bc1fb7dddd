"""A running hub in the hands of people: definitions, tokens, deliveries handed over, dead letters."""

import json
import re
import shutil
from pathlib import Path

import nats
import pytest

from services.hub.settings import EXAMPLE
from tests.e2e.hub import Hub
from tests.e2e.people import fill_in
from tests.support.wait import until

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example with one more channel and another name for a stage."""
    shutil.copytree(EXAMPLE, tmp_path / "mine")
    (tmp_path / "mine" / "more.yaml").write_text("channels:\n  landing:\n    kind: form\n")
    funnels = tmp_path / "mine" / "funnels.yaml"
    funnels.write_text(funnels.read_text().replace("title: Talking", "title: In talks"))
    return tmp_path / "mine"


async def status_of(hub: Hub, channel: str) -> int:
    import httpx

    async with httpx.AsyncClient(timeout=30) as client:
        return (await client.post(f"{hub.url}/in/{channel}", data={"email": "a@landing.test"})).status_code


async def test_definitions_change_without_a_restart_and_back_again(hub: Hub, folder: Path) -> None:
    await fill_in(hub, {"your-email": "sam@operating.test"})
    await hub.letter_to("sam@operating.test")
    before = (await hub.get("/api/hub/definitions/active"))["version"]
    assert await status_of(hub, "landing") == 404
    shown = await hub.command("diff", str(folder))
    assert "+ channels.landing" in shown
    assert re.search(r"~ funnels\.reach   in flight: .*new: \d", shown)
    assert "Active: " in await hub.command("apply", str(folder))

    async def open_() -> bool:
        return await status_of(hub, "landing") == 200

    await until(open_, 10, why="the new channel")
    await hub.letter_to("a@landing.test")
    await hub.command("apply", "--version", before)

    async def closed() -> bool:
        return await status_of(hub, "landing") == 404

    await until(closed, 10, why="the old set")
    assert (await hub.get("/api/hub/definitions/active"))["version"] == before


async def test_a_wrong_folder_changes_nothing(hub: Hub, folder: Path) -> None:
    before = (await hub.get("/api/hub/definitions/active"))["version"]
    (folder / "more.yaml").write_text("channels:\n  landing:\n    kind: from\n")
    done = hub.run("apply", str(folder))
    assert done.returncode == 1
    assert f"{folder / 'more.yaml'}:3: channels.landing.kind" in done.stdout
    assert (await hub.get("/api/hub/definitions/active"))["version"] == before


async def test_a_delivery_is_handed_over_and_parsed_again_without_doubling(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "enquiry.txt"
    file.write_text("your-name=Pat&your-email=pat%40publish.test")
    delivery = (await hub.command("publish", "main-site", str(file))).strip()
    await hub.letter_to("pat@publish.test")
    assert (await hub.trace(delivery))["entries"]
    assert "read: " in await hub.command("replay", "main-site", "--all")
    contact = (await hub.contact("pat@publish.test"))["id"]
    assert len(await hub.deals(contact)) == 1


async def test_a_token_may_do_what_its_role_says(hub: Hub, folder: Path) -> None:
    token = (await hub.command("token", "create", "anna", "--role", "sales")).strip()
    own = hub.environment["LEADWIRE_TOKEN"] = token
    try:
        assert own.startswith("lw_")
        assert hub.run("trace", "nobody").returncode == 1
        refused = hub.run("apply", str(folder))
        assert refused.returncode == 1
        assert "marketing" in refused.stderr
        assert "Nothing is known" in hub.run("trace", "nobody").stdout
    finally:
        del hub.environment["LEADWIRE_TOKEN"]


async def test_what_cannot_be_handled_is_listed_traced_and_given_up(hub: Hub) -> None:
    connection = await nats.connect(hub.bus, nkeys_seed=str(hub.home / "secrets" / "hub.nk"))
    await connection.jetstream().publish(
        "do.notifications.enrol.v1", b"nonsense", headers={"Nats-Msg-Id": "n1"}
    )
    await connection.close()

    async def listed() -> list[dict[str, str]]:
        return list(json.loads(await hub.command("dead", "list", "--json")))

    [row] = await until(listed, 20, every=0.2, why="the command to be parked")
    item = row["id"]
    assert item.startswith("notifications/")
    assert row["reason"] in await hub.command("dead", "show", item)
    assert "still parked" in await hub.command("dead", "redrive", item)
    traced = hub.run("trace", row["event_id"]).stdout
    assert f"parked as {item}" in traced
    await hub.command("dead", "discard", item, "--reason", "a test")
    assert await listed() == []


async def test_a_new_partner_may_publish_and_is_read_at_once(hub: Hub, folder: Path) -> None:
    partner = {"kind": "nats", "settings": {"partner": "acme"}, "mapping": {"email": "email"}}
    (folder / "more.yaml").write_text(json.dumps({"channels": {"acme": partner}}))
    assert "acme may publish" in await hub.command("apply", str(folder))
    connection = await nats.connect(hub.bus, nkeys_seed=str(hub.home / "partners" / "acme.nk"))
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/acme",
        "type": "x",
        "data": {"email": "a@acme.test"},
    }
    stored = await connection.request("ingress.acme", json.dumps(event).encode(), timeout=10)
    await connection.close()
    assert json.loads(stored.data)["seq"] == 1
    await hub.letter_to("a@acme.test")
