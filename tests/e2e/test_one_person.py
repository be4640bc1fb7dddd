"""The same enquiry many times, and the same person by every road at once."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest

from tests.e2e.hub import Hub
from tests.e2e.people import chat, fill_in, write_mail
from tests.support.wait import until

pytestmark = pytest.mark.timeout(180)
MANY = 100
PEOPLE = 20


async def test_100_equal_forms_at_once_make_one_of_everything(hub: Hub) -> None:
    equal = {"your-name": "Sam", "your-email": "sam@equal.test", "question": "Hello"}
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=MANY)) as client:
        answers = await asyncio.gather(*(fill_in(hub, equal, client) for _ in range(MANY)))
    assert Counter(answer.status_code for answer in answers) == {200: MANY}
    assert len({answer.text for answer in answers}) == 1
    await one_of_everything(hub, "sam@equal.test", touches=1)


async def test_100_different_forms_of_one_person_at_once_make_one_lead(hub: Hub) -> None:
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=MANY)) as client:
        kim = {"your-email": "kim@many.test", "tel": "020 7946 0777"}
        answers = await asyncio.gather(
            *(fill_in(hub, kim | {"question": f"Question {n}"}, client) for n in range(MANY))
        )
    assert Counter(answer.status_code for answer in answers) == {200: MANY}
    await one_of_everything(hub, "kim@many.test", touches=MANY)


async def one_of_everything(hub: Hub, address: str, *, touches: int) -> None:
    await hub.letter_to(address)
    contact = (await hub.contact(address))["id"]

    async def touched() -> bool:
        found = await hub.rows("SELECT count(*) FROM leads.interactions WHERE contact_id = $1::uuid", contact)
        return int(found[0][0]) == touches

    await until(touched, 30, every=0.1, why=f"{touches} touches")
    assert len(await hub.deals(contact)) == 1
    leads = await hub.rows("SELECT id FROM leads.leads WHERE contact_id = $1::uuid", contact)
    assert len(leads) == 1
    assert len(hub.letters_to(address)) == 1


async def test_people_by_form_mail_and_chat_at_once_are_one_contact_each_and_greeted_once(hub: Hub) -> None:
    roads = [road for number in range(PEOPLE) for road in _all_roads(hub, number)]
    await asyncio.gather(*roads)
    for number in range(PEOPLE):
        await _is_one(
            hub, f"lee{number}@roads.test", f"+44 20 7946 {9000 + number}", f"telegram:{880 + number}"
        )


def _all_roads(hub: Hub, number: int) -> list[Coroutine[Any, Any, Any]]:
    address, user = f"lee{number}@roads.test", 880 + number
    phone = {"phone_number": f"44207946{9000 + number}", "first_name": "Lee", "user_id": user}
    return [
        fill_in(hub, {"your-name": "Lee", "your-email": address, "tel": f"020 7946 {9000 + number}"}),
        write_mail(hub, f"Lee <{address}>", "Hello", message_id=address),
        chat(hub, "", user=user, message=1 + number, name="Lee", contact=phone),
    ]


async def _is_one(hub: Hub, *names: str) -> None:
    async def one() -> bool:
        found = [(await hub.get("/api/leads/contacts", identity=name))["contacts"] for name in names]
        return all(len(each) == 1 for each in found) and len({each[0]["id"] for each in found}) == 1

    await until(one, 30, every=0.2, why="all three to be one contact")
    contact = (await hub.contact(names[0]))["id"]

    async def one_open_deal() -> bool:
        return [deal["status"] for deal in await hub.deals(contact)].count("open") == 1

    await until(one_open_deal, 30, every=0.2, why="one open deal")
    await hub.letter_to(names[0])

    async def every_deal_asked_for_its_sequence() -> bool:
        asked = await hub.rows(
            "SELECT count(*) FROM notifications.enrolments WHERE contact_id = $1::uuid", contact
        )
        return int(asked[0][0]) == len(await hub.deals(contact))

    await until(every_deal_asked_for_its_sequence, 30, every=0.2, why="the sequence of each deal")
    letters = await hub.rows(
        "SELECT count(*) FROM notifications.messages WHERE contact_id = $1::uuid"
        " AND state IN ('queued', 'sending', 'sent', 'unknown')",
        contact,
    )
    assert (letters[0][0], len(hub.letters_to(names[0]))) == (1, 1)
