import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from services.runtime import problems
from services.runtime.problems import Problem
from services.runtime.publishing import BusUnavailable


class Bell(BaseModel):
    weight: int


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = FastAPI()
    problems.install(app)
    troubles = {
        "problem": Problem(409, "Taken", "The rope is in use.", field="rope", remedy="Wait."),
        "bus": BusUnavailable("gone"),
        "database": asyncpg.CannotConnectNowError("starting up"),
        "bug": ZeroDivisionError("hidden"),
    }

    @app.get("/trouble/{kind}")
    async def trouble(kind: str) -> None:
        raise troubles[kind]

    @app.post("/bells")
    async def bells(bell: Bell) -> None: ...

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_a_problem_names_field_and_remedy(client: httpx.AsyncClient) -> None:
    answer = await client.get("/trouble/problem")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "status": 409,
        "title": "Taken",
        "detail": "The rope is in use.",
        "field": "rope",
        "remedy": "Wait.",
    }


@pytest.mark.parametrize("kind", ["bus", "database"])
async def test_an_engine_that_is_away_asks_to_try_again(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.get(f"/trouble/{kind}")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


async def test_a_bug_is_answered_without_its_cause(client: httpx.AsyncClient) -> None:
    answer = await client.get("/trouble/bug")
    assert answer.status_code == 500
    assert "hidden" not in answer.text
    assert answer.json()["remedy"]


async def test_a_wrong_request_names_its_fields_and_not_what_stood_there(client: httpx.AsyncClient) -> None:
    answer = await client.post("/bells", json={"weight": "hidden"})
    assert answer.status_code == 422
    assert answer.json()["field"] == "weight"
    assert "hidden" not in answer.text


async def test_an_unknown_path_is_a_problem_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
