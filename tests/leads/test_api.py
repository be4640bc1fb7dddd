"""The HTTP API: finding people, working leads, merging and undoing, with problems that help."""

from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from services.leads.api import routes
from services.leads.definitions import compile
from services.leads.live.board import Board
from services.runtime import problems
from services.runtime.auth import Caller
from services.runtime.definitions import Definitions
from tests.leads.stage import Stage, interaction

PHONE, MAIL = ("phone", "+79261234567"), ("email", "ivan@example.com")


class Doorkeeper:
    """Lets in whoever names a role as token."""

    async def caller(self, token: str | None, _address: str | None) -> Caller:
        return Caller("anna", frozenset({token or "viewer"}))


@pytest.fixture
async def api(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    app.state.access = Doorkeeper()
    host: Any = SimpleNamespace(database=stage.database, work=stage.work)
    board = Board(timedelta(minutes=30), 1)
    app.include_router(routes(host, Definitions("leads", compile), board), prefix="/api/leads")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://test/api/leads",
        headers={"Authorization": "Bearer sales"},
    ) as client:
        yield client


async def test_only_sales_may_look(api: httpx.AsyncClient) -> None:
    for path in ("/contacts?identity=x", f"/contacts/{UUID(int=1)}", "/leads", f"/leads/{UUID(int=1)}"):
        assert (await api.get(path, headers={"Authorization": "Bearer marketing"})).status_code == 403


async def test_a_contact_is_found_by_any_spelling_and_shown_with_its_timeline(
    api: httpx.AsyncClient, stage: Stage
) -> None:
    await stage.log(interaction(1, PHONE, MAIL, name="Ivan", title="First", text="Hello"))
    await stage.log(*(interaction(number, PHONE) for number in range(2, 6)))
    (found,) = (await api.get("/contacts", params={"identity": "8 926 123 45 67"})).json()["contacts"]
    assert found["name"] == "Ivan"
    assert found["identities"][0] == {"kind": "phone", "value": "+79261234567"}
    assert (await api.get("/contacts", params={"identity": "nobody"})).json() == {"contacts": []}
    page = (await api.get(f"/contacts/{found['id']}", params={"limit": 3})).json()
    rest = (await api.get(f"/contacts/{found['id']}", params={"cursor": page["next"]})).json()
    assert (len(page["timeline"]), len(rest["timeline"]), rest["next"]) == (3, 2, None)
    assert rest["timeline"][-1]["title"] == "First"


async def test_leads_are_listed_in_pages_and_by_filter(api: httpx.AsyncClient, stage: Stage) -> None:
    stage.rules = compile({"team": {name: {"name": name} for name in ("anna", "boris")}})
    await stage.log(*(interaction(number, ("telegram", str(number))) for number in range(5)))
    seen: list[Any] = []
    cursor: str | None = None
    while True:
        params: dict[str, str] = {"limit": "2", "owner": "anna", **({"cursor": cursor} if cursor else {})}
        page = (await api.get("/leads", params=params)).json()
        seen += page["leads"]
        cursor = page["next"]
        if cursor is None:
            break
    assert [lead["owner"] for lead in seen] == ["anna"] * 3
    assert seen == sorted(seen, key=lambda lead: lead["captured_at"], reverse=True)
    closed = await api.post(f"/leads/{seen[0]['id']}/status", json={"status": "closed", "reason": "no"})
    assert (closed.status_code, closed.json()["status"], closed.json()["reason"]) == (200, "closed", "no")
    listed = (await api.get("/leads", params={"status": "closed"})).json()["leads"]
    assert [lead["id"] for lead in listed] == [seen[0]["id"]]
    assert (await api.get(f"/leads/{seen[1]['id']}")).json() == seen[1]


async def test_contacts_are_merged_and_separated(api: httpx.AsyncClient, stage: Stage) -> None:
    await stage.log(interaction(1, PHONE), interaction(2, MAIL))
    rows = await stage.rows("SELECT id FROM contacts ORDER BY first_seen_at")
    one, other = (str(row["id"]) for row in rows)
    wanted = {"contact_id": one, "absorbed_id": other, "reason": "said so"}
    merged = await api.post("/contacts/merge", json=wanted)
    assert merged.status_code == 201
    body = merged.json()
    assert (body["merged_by"], body["undone_at"]) == ("anna", None)
    assert (await api.get(f"/contacts/{one}")).json()["merges"] == [body["id"]]
    assert (await api.get(f"/contacts/{other}")).json()["merged_into"] == one
    again = await api.post("/contacts/merge", json=wanted)
    assert (again.status_code, again.json()["field"]) == (409, "absorbed_id")
    undone = await api.post(f"/merges/{body['id']}/undo")
    assert undone.json()["undone_at"] is not None
    assert (await api.post(f"/merges/{body['id']}/undo")).status_code == 409
    assert (await api.get(f"/contacts/{other}")).json()["merged_into"] is None


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("GET", f"/contacts/{UUID(int=1)}", None, 404, None),
        ("GET", "/contacts/me", None, 422, "path.contact_id"),
        ("GET", "/contacts", None, 422, "query.identity"),
        ("GET", "/leads?cursor=abc", None, 422, "cursor"),
        ("GET", "/leads?status=lost", None, 422, "query.status"),
        ("GET", f"/leads/{UUID(int=1)}", None, 404, None),
        ("POST", f"/leads/{UUID(int=1)}/status", {"status": "closed"}, 404, None),
        ("POST", f"/leads/{UUID(int=1)}/status", {"status": "open"}, 422, "status"),
        ("POST", f"/leads/{UUID(int=1)}/status", {"status": "closed", "reason": "\x00"}, 422, "reason"),
        ("POST", "/contacts/merge", {"contact_id": "x"}, 422, "contact_id"),
        ("POST", f"/merges/{UUID(int=1)}/undo", None, 404, None),
    ],
)
async def test_mistakes_are_problems_that_name_field_and_remedy(
    api: httpx.AsyncClient, method: str, path: str, body: Any, status: int, field: str | None
) -> None:
    answer = await api.request(method, path, json=body)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem.get("field")) == (status, field)
    assert problem["remedy"]


async def test_every_body_of_the_description_has_an_example(api: httpx.AsyncClient) -> None:
    app: Any = api._transport.app  # type: ignore[attr-defined]
    schemas = app.openapi()["components"]["schemas"]
    bodies = [name for name in schemas if name.endswith(("Body", "Page")) and name != "ProblemBody"]
    assert len(bodies) >= 8
    for name in bodies:
        described = schemas[name]
        fields = described["properties"].values()
        assert "examples" in described or all("examples" in field for field in fields), name
