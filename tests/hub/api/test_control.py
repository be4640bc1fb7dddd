"""The control API over a real bus, with owners of definitions that answer as services do."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from services.hub.api import Control
from services.hub.app import build
from services.hub.definitions.folder import read_folder
from services.hub.mailbox.files import Mailbox
from services.hub.settings import EXAMPLE
from services.runtime.auth import create_token
from services.runtime.clock import SystemClock
from services.runtime.provision import provision
from services.runtime.streams import ingress_stream
from tests.hub.definitions.staging import Owners, owners_on
from tests.support.accounts import NatsAccount
from tests.support.wait import until

FILES = {"all.yaml": "team:\n  anna: {name: Anna}\nchannels:\n  one: {kind: form}\n"}


@dataclass
class Api:
    """The API and who speaks to it."""

    http: httpx.AsyncClient
    owners: Owners
    mailbox: Mailbox

    async def as_role(self, *roles: str) -> dict[str, str]:
        kv = await self.owners.bus.kv("tokens")
        token = await create_token(kv, "somebody", roles, now=SystemClock().now())
        return {"Authorization": f"Bearer {token}"}

    async def post(self, path: str, body: object, *roles: str) -> httpx.Response:
        return await self.http.post(path, json=body, headers=await self.as_role(*roles))

    async def get(self, path: str, *roles: str) -> httpx.Response:
        return await self.http.get(path, headers=await self.as_role(*roles))


@pytest.fixture
async def api(nats_account: NatsAccount, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    mailbox = Mailbox(tmp_path_factory.mktemp("mailbox"))
    async with owners_on(nats_account.url) as owners:
        app = build(Control(owners.bus, SystemClock(), mailbox))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as http:
            yield Api(http, owners, mailbox)


async def test_a_folder_is_applied_shown_compared_and_an_earlier_one_activated_again(api: Api) -> None:
    before = await api.get("/api/hub/definitions/active", "viewer")
    assert before.json() == {"version": None, "definitions": {}, "earlier": []}
    done = await api.post("/api/hub/definitions/apply", {"files": FILES}, "marketing")
    assert done.status_code == 200, done.text
    first = done.json()["version"]
    same = await api.post("/api/hub/definitions/diff", {"files": FILES}, "marketing")
    assert same.json()["changes"] == []
    await api.post("/api/hub/definitions/apply", {"files": read_folder(EXAMPLE)}, "marketing")
    back = await api.post(f"/api/hub/definitions/activate/{first}", None, "marketing")
    assert back.status_code == 200, back.text
    shown = (await api.get("/api/hub/definitions/active", "viewer")).json()
    assert shown["version"] == first
    assert shown["definitions"]["team"] == {"anna": {"name": "Anna"}}
    assert [one["by"] for one in shown["earlier"]] == ["somebody"] * 3
    await until(lambda: api.owners.versions() == {first})


async def test_mistakes_come_back_with_file_line_and_remedy_and_change_nothing(api: Api) -> None:
    files = {"a.yaml": "channels:\n  one:\n    kind: from\n"}
    for verb in ("apply", "diff"):
        answer = await api.post(f"/api/hub/definitions/{verb}", {"files": files}, "marketing")
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        [finding] = answer.json()["findings"]
        assert (finding["file"], finding["line"], finding["path"]) == ("a.yaml", 3, "channels.one.kind")
        assert finding["remedy"] == 'Did you mean "form"?'
    assert (await api.get("/api/hub/definitions/active", "viewer")).json()["version"] is None


async def test_a_version_that_never_was_is_not_found(api: Api) -> None:
    answer = await api.post(f"/api/hub/definitions/activate/{'0' * 16}", None, "marketing")
    assert answer.status_code == 404
    assert "remedy" in answer.json()


@pytest.mark.parametrize(
    ("path", "body", "role"),
    [
        ("definitions/apply", {"files": FILES}, "sales"),
        ("definitions/diff", {"files": FILES}, "viewer"),
        ("tokens", {"name": "x", "roles": ["viewer"]}, "operator"),
        ("publish", {"channel": "one", "body": ""}, "marketing"),
    ],
)
async def test_what_a_role_may_not_do_is_refused(api: Api, path: str, body: object, role: str) -> None:
    assert (await api.http.post(f"/api/hub/{path}", json=body)).status_code == 401
    answer = await api.post(f"/api/hub/{path}", body, role)
    assert answer.status_code == 403
    assert "remedy" in answer.json()


async def test_a_token_works_until_it_is_taken_back(api: Api) -> None:
    made = await api.post("/api/hub/tokens", {"name": "anna", "roles": ["sales"]}, "admin")
    assert made.status_code == 201
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    assert (await api.http.get("/api/hub/definitions/active", headers=headers)).status_code == 200
    names = [one["name"] for one in (await api.get("/api/hub/tokens", "admin")).json()]
    assert "anna" in names
    gone = await api.http.delete("/api/hub/tokens/anna", headers=await api.as_role("admin"))
    assert gone.json() == {"revoked": 1}


async def test_a_delivery_is_published_to_the_stream_its_channel_reads(api: Api) -> None:
    await api.post("/api/hub/definitions/apply", {"files": read_folder(EXAMPLE)}, "marketing")
    await provision(api.owners.bus, [ingress_stream("courses-portal")])
    body = base64.b64encode(b"your-email=sam@school.test").decode()
    for channel, stream in (
        ("main-site", "INTAKE"),
        ("sales-bot", "INTAKE"),
        ("inbox", "INTAKE"),
        ("portal", "INGRESS_COURSES-PORTAL"),
    ):
        before = (await api.owners.bus.js.stream_info(stream)).state.messages
        answer = await api.post("/api/hub/publish", {"channel": channel, "body": body}, "operator")
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["delivery"]) == 32
        assert (await api.owners.bus.js.stream_info(stream)).state.messages == before + 1


async def test_a_channel_that_is_not_there_or_bytes_that_are_not_base64_are_refused(api: Api) -> None:
    await api.post("/api/hub/definitions/apply", {"files": FILES}, "marketing")
    unknown = await api.post("/api/hub/publish", {"channel": "on", "body": ""}, "operator")
    assert unknown.status_code == 404
    assert unknown.json()["remedy"] == 'Did you mean "one"?'
    broken = await api.post("/api/hub/publish", {"channel": "one", "body": "%"}, "operator")
    assert (broken.status_code, broken.json()["field"]) == (422, "body")


async def test_silent_services_are_named_in_a_trace(api: Api) -> None:
    answer = await api.get("/api/hub/trace/%3Ca%2Fb%40c%3E", "sales")
    assert answer.json()["asked"] == "<a/b@c>"
    assert answer.json()["silent"] == ["connectors", "deals", "leads", "notifications"]


async def test_letters_are_listed_and_shown(api: Api) -> None:
    now = SystemClock().now()
    letter = b"Subject: Hi\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
    name = api.mailbox.keep(letter, sender="a@b.test", recipients=["c@d.test"], now=now, token="0" * 8)
    [listed] = (await api.get("/api/hub/mailbox", "operator")).json()["letters"]
    assert (listed["name"], listed["subject"], listed["recipient"]) == (name, "Hi", "c@d.test")
    shown = (await api.get(f"/api/hub/mailbox/{name}", "operator")).json()
    assert shown["text"].strip() == "Hello"
    assert (await api.get("/api/hub/mailbox/nothing", "operator")).status_code == 404


async def test_status_tells_the_active_version_and_what_drifted(api: Api) -> None:
    assert (await api.get("/api/hub/status", "operator")).json() == {"definitions": None, "drift": []}
    await api.owners.bus.js.delete_stream("CRM_DEALS")
    drifted = (await api.get("/api/hub/status", "operator")).json()["drift"]
    assert len(drifted) == 1
    assert "CRM_DEALS" in drifted[0]
    assert (await api.http.get("/readyz")).status_code == 200
