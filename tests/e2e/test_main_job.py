"""Four ways in, one way through: contact, lead, deal, task, letter; and the answer that stops it."""

from typing import Any

import pytest

from tests.e2e.hub import Hub
from tests.e2e.people import chat, fill_in, publish, write_mail
from tests.support.wait import until

pytestmark = pytest.mark.timeout(180)
ALL = ["connectors", "leads", "deals", "notifications"]


def services_in(trace: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(entry["service"] for entry in trace["entries"]))


async def whole_trace(hub: Hub, name: str) -> dict[str, Any]:
    """The trace of an enquiry, once all four services are in it."""

    async def whole() -> dict[str, Any] | None:
        found = await hub.trace(name)
        looked = not (hub.restarting and found["silent"])
        return found if looked and services_in(found) == ALL else None

    found = await until(whole, 30, every=0.1, why=f"a trace of {name} through all services")
    assert found is not None
    assert found["silent"] == found["parked"] == []
    return found


async def test_a_form_becomes_a_contact_a_lead_a_deal_a_task_and_a_letter(hub: Hub) -> None:
    answer = await fill_in(
        hub, {"your-name": "Sam", "tel": "020 7946 0018", "your-email": "sam@form.test", "course": "B1"}
    )
    assert answer.status_code == 200
    letter = await hub.letter_to("sam@form.test")
    assert "You asked about: B1" in letter.text
    contact = (await hub.contact("+44 20 7946 0018"))["id"]
    assert contact == (await hub.contact("sam@form.test"))["id"]
    [deal] = await hub.deals(contact)
    assert (deal["funnel"], deal["stage"]) == ("reach", "new")
    tasks = (await hub.get("/api/deals/tasks", open=True, limit=200))["tasks"]
    assert [task["title"] for task in tasks if task["deal_id"] == deal["id"]] == ["Call back"]
    found = await whole_trace(hub, "sam@form.test")
    assert "step" in {timer["kind"] for timer in found["waiting"]}
    for name in ("020 7946 0018", contact, deal["id"], deal["lead_id"], dict(letter.headers)["Message-ID"]):
        assert (await hub.trace(name))["entries"] == found["entries"]


async def test_a_chat_message_becomes_a_lead_and_its_trace_says_why_no_letter_went_out(hub: Hub) -> None:
    assert (await chat(hub, "Any evening groups?", user=31, message=7)).status_code == 200

    async def told_why() -> bool:
        found = await whole_trace(hub, "31:7")
        return "no_address" in " ".join(entry["did"] for entry in found["entries"])

    await until(told_why, within=30)


async def test_a_wrong_secret_makes_nothing(hub: Hub) -> None:
    before = await hub.count("connectors.deliveries")
    answer = await chat(hub, "Hi", message=999, secret="wrong")
    assert answer.status_code in (401, 403)
    assert await hub.count("connectors.deliveries") == before


async def test_a_mail_becomes_a_lead_and_is_found_by_its_message_id(hub: Hub) -> None:
    await write_mail(hub, "Lou <lou@mail.test>", "Do you teach at weekends?", message_id="w1@mail.test")
    await hub.letter_to("lou@mail.test")
    for name in ("w1@mail.test", "<w1@mail.test>", "lou@mail.test"):
        await whole_trace(hub, name)


async def test_a_partners_event_becomes_a_lead(hub: Hub) -> None:
    student = {"name": "Max", "email": "max@portal.test", "phone": "+44 20 7946 0555"}
    await publish(hub, "p-1", {"student": student, "course": {"title": "B2"}, "message": "Hello"})
    letter = await hub.letter_to("max@portal.test")
    assert "You asked about: B2" in letter.text
    for name in ("p-1", "/portal p-1", "max@portal.test"):
        await whole_trace(hub, name)


async def test_an_answer_stops_the_letters_moves_the_deal_and_joins_the_story(hub: Hub) -> None:
    await fill_in(hub, {"your-name": "Eve", "your-email": "eve@answer.test", "question": "Hi"})
    letter = await hub.letter_to("eve@answer.test")
    await write_mail(hub, "eve@answer.test", "Yes, gladly.", message_id="r1@answer.test", answers=letter)
    contact = (await hub.contact("eve@answer.test"))["id"]

    async def moved() -> bool:
        return (await hub.deals(contact))[0]["stage"] == "talking"

    await until(moved, 30, why="the deal to move")

    async def stopped() -> bool:
        [enrolment] = (await hub.get("/api/notifications/enrolments", contact=contact))["enrolments"]
        return bool(enrolment["state"] == "replied")

    await until(stopped, 30, why="the letters to stop")
    found = await whole_trace(hub, "r1@answer.test")
    assert found["entries"] == (await hub.trace("eve@answer.test"))["entries"]
    assert "step" not in {timer["kind"] for timer in found["waiting"]}
    assert sum(entry["service"] == "connectors" for entry in found["entries"]) == 2


async def test_the_command_shows_the_way_and_where_it_waits(hub: Hub) -> None:
    await fill_in(hub, {"your-name": "Pat", "your-email": "pat@command.test"})
    await hub.letter_to("pat@command.test")
    await whole_trace(hub, "pat@command.test")
    shown = await hub.command("trace", "pat@command.test")
    assert [service for service in ALL if service not in shown] == []
    assert "waits until" in shown
    assert "opened deal in reach/new" in shown
    assert "pat@command.test" in await hub.command("mailbox", "list")
    assert "Nothing is parked." in await hub.command("dead", "list")
    unknown = hub.run("trace", "nobody@command.test")
    assert unknown.returncode == 1
    assert "Nothing is known" in unknown.stdout
