"""The HTTP API, over the whole service."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest

from contracts.notifications import EnrolContact, SequenceEnded
from services.notifications.app import build
from tests.notifications.running import activate, message_of, settings, told
from tests.notifications.samples import contact, contact_id
from tests.notifications.smtp_sink import Sink
from tests.notifications.stage import TOKENS
from tests.support.hosts import Hosts, RunningHost
from tests.support.wait import until


@dataclass
class Api:
    """The service with one contact who got the first letter of `welcome`."""

    running: RunningHost
    marketing: httpx.AsyncClient
    nobody: httpx.AsyncClient

    async def link(self) -> str:
        return f"/api/notifications/unsubscribe/{TOKENS.make((await self.message())['id'])}"

    async def message(self):  # type: ignore[no-untyped-def]
        return await message_of(self.running, contact_id(1))

    async def ended(self) -> list[str]:
        return [one.data["reason"] for one in await told(self.running.bus, SequenceEnded)]


@pytest.fixture
async def api(hosts: Hosts, smtp: Sink) -> AsyncIterator[Api]:
    running = await hosts.start(build(settings(smtp.port, unsubscribe_secret="a secret for tests")))
    await activate(running.bus)
    await running.publish(contact(1))
    await running.publish(EnrolContact(contact_id=contact_id(1), sequence="welcome"))
    await until(lambda: smtp.letters)
    async with running.client("marketing") as marketing, running.client() as nobody:
        yield Api(running, marketing, nobody)


async def test_messages_are_listed_by_contact_and_state(api: Api) -> None:
    await until(lambda: _sent(api))
    found = (
        await api.marketing.get("/api/notifications/messages", params={"contact": str(contact_id(1))})
    ).json()
    [message] = found["messages"]
    assert (message["step"], message["state"], message["sequence"]) == ("thanks", "sent", "welcome")
    assert "client.example" not in str(message)
    for query in ({"state": "unknown"}, {"contact": str(uuid4())}):
        page = (await api.marketing.get("/api/notifications/messages", params=query)).json()
        assert page == {"messages": [], "next": None}


async def _sent(api: Api) -> bool:
    return bool((await api.message())["state"] == "sent")


async def test_pages_go_on_where_the_one_before_ended(api: Api) -> None:
    await api.running.publish(contact(2))
    await api.running.publish(EnrolContact(contact_id=contact_id(2), sequence="single"))
    await until(lambda: message_of(api.running, contact_id(2)))
    seen, cursor = [], None
    for _ in range(5):
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = (await api.marketing.get("/api/notifications/enrolments", params=query)).json()
        seen += [one["sequence"] for one in page["enrolments"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["single", "welcome"]


@pytest.mark.parametrize("cursor", ["x", "WzFd", "é", "W10", "WyIyMDI1LTAxLTAxIiwgIngiXQ=="])
async def test_a_made_up_cursor_is_refused(api: Api, cursor: str) -> None:
    answer = await api.marketing.get("/api/notifications/messages", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["field"] == "cursor"


async def test_an_enrolment_can_be_cancelled_once(api: Api) -> None:
    page = (await api.marketing.get("/api/notifications/enrolments", params={"state": "running"})).json()
    [enrolment] = page["enrolments"]
    assert enrolment["next_due_at"]
    path = f"/api/notifications/enrolments/{enrolment['id']}/cancel"
    answer = await api.marketing.post(path)
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    again = await api.marketing.post(path)
    assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")
    assert (await api.marketing.post(path.replace(enrolment["id"], str(uuid4())))).status_code == 404
    await until(api.ended)
    assert await api.ended() == ["cancelled"]


async def test_without_a_token_there_is_nothing_to_see_and_viewers_change_nothing(api: Api) -> None:
    for path in ("messages", "enrolments", "suppressions"):
        assert (await api.nobody.get(f"/api/notifications/{path}")).status_code == 401
    async with api.running.client("viewer") as viewer:
        assert (await viewer.get("/api/notifications/messages")).status_code == 200
        for path, body in (
            ("suppressions", {"address": "a@b.example"}),
            ("templates/preview", {"template": "now"}),
            (f"enrolments/{uuid4()}/cancel", {}),
        ):
            assert (await viewer.post(f"/api/notifications/{path}", json=body)).status_code == 403


async def test_an_address_can_be_suppressed_and_is_listed(api: Api) -> None:
    path = "/api/notifications/suppressions"
    body = {"address": "Person1@client.example"}
    assert (await api.marketing.post(path, json=body)).json() == {"added": True, "enrolments_ended": 1}
    assert (await api.marketing.post(path, json=body)).json() == {"added": False, "enrolments_ended": 0}
    [entry] = (await api.marketing.get(path)).json()["suppressions"]
    assert (entry["address"], entry["source"], entry["added_by"]) == (
        "person1@client.example",
        "person",
        "test",
    )
    refused = await api.marketing.post(path, json={"address": "no address"})
    assert (refused.status_code, refused.json()["field"]) == (422, "address")


async def test_the_link_asks_and_only_the_button_acts(api: Api) -> None:
    link = await api.link()
    for _ in range(3):
        page = await api.nobody.get(link)
        assert page.status_code == 200
        assert "<form" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "client.example" not in page.text
    assert await api.ended() == []
    # As mail programs do it (RFC 8058).
    done = await api.nobody.post(link, data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    await until(api.ended)
    assert await api.ended() == ["opted_out"]
    assert (await api.nobody.post(link)).status_code == 200
    assert await api.ended() == ["opted_out"]
    [entry] = (await api.marketing.get("/api/notifications/suppressions")).json()["suppressions"]
    assert (entry["source"], entry["contact_id"]) == ("unsubscribe", str(contact_id(1)))


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_link_we_did_not_make_does_nothing(api: Api, method: str) -> None:
    for token in ("x", TOKENS.make(uuid4())[:-1], "a" * 43, "%00", "a" * 5000):
        answer = await api.nobody.request(method, f"/api/notifications/unsubscribe/{token}")
        assert answer.status_code == 404
    # Ours by its signature, but of no message that is known.
    assert (
        await api.nobody.post(f"/api/notifications/unsubscribe/{TOKENS.make(uuid4())}")
    ).status_code == 404


async def test_a_preview_is_what_the_contact_would_get(api: Api, smtp: Sink) -> None:
    body = {"template": "now", "sequence": "welcome", "contact": str(contact_id(1))}
    shown = (await api.marketing.post("/api/notifications/templates/preview", json=body)).json()
    assert shown["subject"] == smtp.letters[0].message["Subject"]
    assert shown["html"] == "<p>Hello Ann 1</p>"


async def test_a_template_that_is_being_written_is_previewed_for_a_made_up_person(api: Api) -> None:
    path = "/api/notifications/templates/preview"
    body = {"subject": "Hi {{ contact.first_name }}", "text": "x", "html": "<b>{{ contact.name }}</b>"}
    assert (await api.marketing.post(path, json=body)).json() == {
        "subject": "Hi Ann",
        "text": "x",
        "html": "<b>Ann Example</b>",
    }
    wrong = await api.marketing.post(path, json={**body, "text": "{{ contact.nmae }}"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "text")
    assert "contact.name" in wrong.json()["remedy"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"template": "now", "text": "x"}, 422),
        ({"subject": "x"}, 422),
        ({"template": "nothing"}, 404),
        ({"template": "now", "sequence": "nothing"}, 404),
        ({"template": "now", "contact": str(uuid4())}, 404),
        ({"template": "now", "colour": "red"}, 422),
    ],
)
async def test_a_preview_of_nothing_is_refused(api: Api, body: dict[str, str], status: int) -> None:
    answer = await api.marketing.post("/api/notifications/templates/preview", json=body)
    assert answer.status_code == status


async def test_the_description_has_examples(api: Api) -> None:
    schemas = (await api.nobody.get("/openapi.json")).json()["components"]["schemas"]
    for name in ("MessageBody", "EnrolmentBody", "SuppressionBody", "PreviewWish", "NewSuppression"):
        assert schemas[name]["examples"], name
