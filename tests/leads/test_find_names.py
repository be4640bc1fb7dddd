"""Asked about a phone, an address or an id, leads knows what else it goes by."""

from services.leads.usecases.find_names import find_names
from tests.leads.stage import Stage, interaction


async def _names(stage: Stage, name: str) -> set[str]:
    async with stage.work() as work:
        return await find_names(work.connection, name, "RU")


async def test_any_spelling_of_an_identity_gives_its_contact(stage: Stage) -> None:
    await stage.log(interaction(1, ("phone", "+7 926 123-45-67"), ("email", "ivan@example.com")))
    contact = str(await stage.value("SELECT id FROM contacts"))
    for spelling in ("8 (926) 123-45-67", "79261234567", "IVAN@example.com", "email:ivan@example.com"):
        assert await _names(stage, spelling) == {contact}
    assert await _names(stage, "8 926 000 00 00") == set()
    assert await _names(stage, "not a name \x00") == set()


async def test_a_merged_contact_and_its_survivor_are_one(stage: Stage) -> None:
    await stage.log(interaction(1, ("telegram", "1")), interaction(2, ("telegram", "2")))
    await stage.log(interaction(3, ("telegram", "1"), ("telegram", "2")))
    both = {str(row["id"]) for row in await stage.rows("SELECT id FROM contacts")}
    assert await _names(stage, "telegram:2") == both
    for one in both:
        assert await _names(stage, one) == both - {one}


async def test_leads_and_interactions_give_each_other_and_the_delivery(stage: Stage) -> None:
    await stage.log(interaction(1, ("telegram", "1")), interaction(2, ("telegram", "1")))
    lead = str(await stage.value("SELECT id FROM leads"))
    first, second = (str(row["id"]) for row in await stage.rows("SELECT id FROM interactions ORDER BY n"))
    assert await _names(stage, lead) == {first, second, "delivery-1", "delivery-2"}
    assert await _names(stage, second) == {lead, "delivery-2"}
