"""Four ways in, one way through: contact, lead, deal, task, letter; and the answer that stops it."""

import pytest

from services.hub.mailbox.files import Caught
from tests.e2e.hub import Hub
from tests.e2e.people import chat, fill_in, publish, write_mail
from tests.support.wait import until

pytestmark = pytest.mark.timeout(180)


async def letter_to(hub: Hub, address: str) -> Caught:
    """The first letter to that address, once it is there."""

    def found() -> Caught | None:
        return next((one for one in hub.letters() if one.summary.recipient == address), None)

    letter = await until(found, 20, why=f"a letter to {address}")
    assert letter is not None
    return letter


async def contact_of(hub: Hub, identity: str) -> str:
    [found] = (await hub.get("/api/leads/contacts", identity=identity))["contacts"]
    return str(found["id"])


async def deal_of(hub: Hub, contact: str) -> dict[str, object]:
    [deal] = (await hub.get("/api/deals/deals", contact=contact))["deals"]
    return dict(deal)


def services_in(trace: dict[str, list[dict[str, str]]]) -> list[str]:
    return list(dict.fromkeys(entry["service"] for entry in trace["entries"]))


ALL = ["connectors", "leads", "deals", "notifications"]


async def test_a_form_becomes_a_contact_a_lead_a_deal_a_task_and_a_letter(hub: Hub) -> None:
    answer = await fill_in(
        hub,
        **{"your-name": "Sam", "tel": "020 7946 0018", "your-email": "sam@form.test", "course": "B1"},
    )
    assert answer.status_code == 200
    letter = await letter_to(hub, "sam@form.test")
    assert "You asked about: B1" in letter.text
    contact = await contact_of(hub, "+44 20 7946 0018")
    assert contact == await contact_of(hub, "sam@form.test")
    deal = await deal_of(hub, contact)
    assert (deal["funnel"], deal["stage"]) == ("reach", "new")
    tasks = (await hub.get("/api/deals/tasks", open=True, limit=200))["tasks"]
    assert [task["title"] for task in tasks if task["deal_id"] == deal["id"]] == ["Call back"]
    found = await hub.trace("sam@form.test")
    assert services_in(found) == ALL
    assert found["silent"] == found["parked"] == []
    assert {timer["kind"] for timer in found["waiting"]} >= {"step"}
    assert (await hub.trace("020 7946 0018"))["entries"] == found["entries"]
    assert (await hub.trace(str(deal["id"])))["entries"] == found["entries"]
    assert (await hub.trace(dict(letter.headers)["Message-ID"]))["entries"] == found["entries"]


async def test_a_chat_message_becomes_a_lead_and_its_trace_ends_with_why_no_letter_went_out(
    hub: Hub,
) -> None:
    assert (await chat(hub, "Any evening groups?", user=31, message=7)).status_code == 200
    found = await until(lambda: whole(hub, "31:7"), 20, every=0.3)
    assert services_in(found) == ALL
    assert "no_address" in found["entries"][-1]["did"] or "undeliverable" in str(found["entries"])


async def whole(hub: Hub, name: str) -> dict[str, list[dict[str, str]]]:
    """The trace, once all four services are in it; empty before."""
    done = hub.run("trace", name, "--json")
    if done.returncode:
        return {}
    found = await hub.trace(name)
    return found if services_in(found) == ALL else {}


async def test_a_wrong_secret_makes_nothing(hub: Hub) -> None:
    before = await hub.count("connectors.deliveries")
    answer = await chat(hub, "Hi", message=999, secret="wrong")
    assert answer.status_code in (401, 403)
    assert await hub.count("connectors.deliveries") == before


async def test_a_mail_becomes_a_lead_and_is_found_by_its_message_id(hub: Hub) -> None:
    await write_mail(hub, "Lou <lou@mail.test>", "Do you teach at weekends?", message_id="w1@mail.test")
    await letter_to(hub, "lou@mail.test")
    for name in ("w1@mail.test", "<w1@mail.test>", "lou@mail.test"):
        assert services_in(await hub.trace(name)) == ALL


async def test_a_partners_event_becomes_a_lead(hub: Hub) -> None:
    student = {"name": "Max", "email": "max@portal.test", "phone": "+44 20 7946 0555"}
    await publish(hub, "p-1", {"student": student, "course": {"title": "B2"}, "message": "Hello"})
    letter = await letter_to(hub, "max@portal.test")
    assert "You asked about: B2" in letter.text
    assert services_in(await hub.trace("/portal p-1")) == ALL


async def test_an_answer_stops_the_letters_moves_the_deal_and_joins_the_story(hub: Hub) -> None:
    await fill_in(hub, **{"your-name": "Eve", "your-email": "eve@answer.test", "question": "Hi"})
    letter = await letter_to(hub, "eve@answer.test")
    await write_mail(hub, "eve@answer.test", "Yes, gladly.", message_id="r1@answer.test", answers=letter)
    contact = await contact_of(hub, "eve@answer.test")

    async def moved() -> bool:
        return (await deal_of(hub, contact))["stage"] == "talking"

    await until(moved, 20, why="the deal to move")
    [enrolment] = (await hub.get("/api/notifications/enrolments", contact=contact))["enrolments"]
    assert enrolment["state"] == "replied"
    found = await hub.trace("r1@answer.test")
    assert found["entries"] == (await hub.trace("eve@answer.test"))["entries"]
    assert not [timer for timer in found["waiting"] if timer["kind"] == "step"]
    assert sum(entry["service"] == "connectors" for entry in found["entries"]) == 2
