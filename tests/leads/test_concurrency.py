"""One person through several channels at once is one contact, whoever comes first."""

import asyncio
from itertools import permutations
from typing import Any

import pytest

from contracts.interactions import InteractionReceived
from contracts.leads import LeadCaptured
from services.leads.definitions import compile
from tests.leads.stage import Stage, interaction, of_type

PHONE, MAIL, CHAT = ("phone", "+79261234567"), ("email", "ivan@example.com"), ("telegram", "4711")
FORM = interaction(1, PHONE, MAIL, channel="main-site", medium="form")
LETTER = interaction(2, ("email", "IVAN@example.com"), channel="inbox", medium="email")
SHARED = interaction(3, CHAT, ("phone", "89261234567"), channel="bot", medium="chat")
EVERYBODY = {frozenset({"phone:+79261234567", "email:ivan@example.com", "telegram:4711"})}


async def _outcome(stage: Stage) -> dict[str, Any]:
    """What must not depend on the order."""
    return {
        "people": await stage.people(),
        "open": await stage.value("SELECT count(*) FROM leads WHERE status = 'open'"),
        "standing": await stage.value("SELECT count(*) FROM contacts WHERE merged_into IS NULL"),
        "logged": await stage.value("SELECT count(DISTINCT id) FROM interactions"),
        "versions": await stage.value("SELECT count(*) FROM contacts WHERE version = 0"),
    }


EXPECTED = {"people": EVERYBODY, "open": 1, "standing": 1, "logged": 3, "versions": 0}


ORDERS = list(permutations([FORM, LETTER, SHARED]))


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(one.medium for one in order))
async def test_every_order_gives_one_contact(stage: Stage, order: tuple[InteractionReceived, ...]) -> None:
    for one in order:
        await stage.log(one)
    assert await _outcome(stage) == EXPECTED


async def test_at_the_same_time_they_give_one_contact(stage: Stage) -> None:
    for _ in range(15):
        await stage.empty()
        await asyncio.gather(*(stage.log(one) for one in (FORM, LETTER, SHARED)))
        assert await _outcome(stage) == EXPECTED


async def test_a_hundred_equal_enquiries_in_parallel_give_one_contact_and_one_lead(
    stage: Stage,
) -> None:
    await asyncio.gather(*(stage.log(interaction(number, PHONE, MAIL)) for number in range(100)))
    assert await stage.people() == {frozenset({"phone:+79261234567", "email:ivan@example.com"})}
    assert await stage.value("SELECT count(*) FROM leads") == 1
    assert await stage.value("SELECT count(*) FROM interactions") == 100
    assert len(of_type(await stage.published(), LeadCaptured)) == 1


async def test_sets_that_cross_each_other_in_parallel_end_whole(stage: Stage) -> None:
    people = [(("phone", f"8926123{n:04d}"), ("email", f"p{n}@example.com")) for n in range(8)]
    sets = [
        [interaction(100 * batch + n, *(people[n] if (n + batch) % 2 else people[n][::-1])) for n in range(8)]
        for batch in range(10)
    ]
    for batch in sets[::2]:
        batch.reverse()
    await asyncio.gather(*(stage.log(*batch) for batch in sets))
    assert len(await stage.people()) == 8
    assert await stage.value("SELECT count(*) FROM contacts") == 8
    assert await stage.value("SELECT count(*) FROM leads") == 8
    assert await stage.value("SELECT count(*) FROM interactions") == 80


async def test_leads_that_come_at_once_are_shared_out_evenly(stage: Stage) -> None:
    stage.rules = compile({"team": {name: {"name": name} for name in ("anna", "boris", "vera")}})
    enquiries = (interaction(number, ("telegram", str(number))) for number in range(50))
    await asyncio.gather(*(stage.log(one) for one in enquiries))
    rows = await stage.rows("SELECT count(*) AS leads FROM leads GROUP BY owner")
    assert sorted(row["leads"] for row in rows) == [16, 17, 17]
