import asyncio
import random
from itertools import permutations

import pytest

from services.connectors.store.interactions import other_names
from services.connectors.usecases.parse_again import parse_again
from services.connectors.usecases.take_deliveries import take_deliveries
from tests.connectors.fixtures import AT
from tests.connectors.stage import SITE, Stage, at_minute, form, texts, update

ANNA = form("your-name=Anna&tel=123")


async def test_a_form_becomes_one_interaction_with_its_delivery_as_correlation(stage: Stage) -> None:
    await stage.take(ANNA)
    [envelope] = await stage.published()
    assert envelope.type == "crm.interactions.received.v1"
    assert envelope.correlationid == envelope.data["delivery_id"] == ANNA.id
    assert envelope.causationid == f"{ANNA.id}@INTAKE:1"
    assert envelope.revision is None
    row = await stage.delivery(ANNA)
    assert (row["verdict"], row["event"], row["times"], row["first_seq"]) == ("accepted", "submission", 1, 1)


async def test_the_same_bytes_again_change_a_counter_and_nothing_else(stage: Stage) -> None:
    await stage.take(ANNA)
    noted = await stage.journal()
    await stage.take(at_minute(ANNA, 1))
    await stage.take(at_minute(ANNA, 2), at_minute(ANNA, 3))
    assert len(await stage.published()) == 1
    assert await stage.journal() == noted
    row = await stage.delivery(ANNA)
    assert (row["times"], row["first_seq"], row["last_seq"]) == (4, 1, 4)
    assert row["last_received_at"] == at_minute(ANNA, 3).received_at


async def test_the_same_content_in_other_bytes_within_ten_minutes_is_the_same_interaction(
    stage: Stage,
) -> None:
    await stage.take(ANNA)
    await stage.take(form("tel=123&your-name=Anna+", minute=9))
    assert len(await stage.published()) == 1
    assert len(await stage.deliveries()) == 2


async def test_the_same_content_after_ten_minutes_is_a_new_enquiry(stage: Stage) -> None:
    await stage.take(ANNA)
    await stage.take(at_minute(ANNA, 11))
    assert len(set(await stage.interactions())) == 2
    assert (await stage.delivery(ANNA))["times"] == 2


async def test_the_same_content_in_another_channel_is_another_interaction(stage: Stage) -> None:
    stage.define("other", SITE)
    await stage.take(ANNA, form(ANNA.body, channel="other"))
    assert len(set(await stage.interactions())) == 2


@pytest.mark.parametrize("order", list(permutations([0.0, 4.0, 9.0])))
async def test_in_any_order_one_press_is_one_interaction(stage: Stage, order: tuple[float, ...]) -> None:
    for minute in order:
        await stage.take(at_minute(ANNA, minute))
    assert len(await stage.published()) == 1


async def test_a_vendors_id_counts_for_ever_and_over_different_bytes(stage: Stage) -> None:
    await stage.take(update(5, number=1))
    await stage.take(update(5, number=2, minute=60 * 24 * 40))
    assert len(await stage.published()) == 1
    await stage.take(update(6, number=3))
    assert len(await stage.published()) == 2


async def test_two_transactions_at_once_make_one_interaction(stage: Stage) -> None:
    await asyncio.gather(*(stage.take(form(f"your-name=Anna&tel=123&{'&' * n}")) for n in range(20)))
    assert len(await stage.published()) == 1
    assert len(await stage.deliveries()) == 20


async def test_a_set_gives_the_same_as_its_deliveries_one_by_one(stage: Stage) -> None:
    chance = random.Random(7)
    deliveries = [
        form(f"your-name=N{chance.randint(1, 5)}&tel=1", minute=chance.uniform(0, 40)) for _ in range(60)
    ]
    deliveries.sort(key=lambda delivery: delivery.received_at)
    deliveries += [update(chance.randint(1, 9), number=n) for n in range(30)]
    await stage.take(*deliveries)
    together = await stage.interactions()
    events = [envelope.id for envelope in await stage.published()]
    await stage.database.pool.execute("TRUNCATE deliveries, interactions, outbox, journal")
    stage.seq = 0
    for delivery in deliveries:
        await stage.take(delivery)
    assert await stage.interactions() == together
    assert [envelope.id for envelope in await stage.published()] == events


async def test_one_that_cannot_be_parsed_is_kept_and_stops_no_other(stage: Stage) -> None:
    broken = form('{"a":', channel="site", kind="application/json")
    nowhere = form("a=1", channel="gone")
    await stage.take(ANNA, broken, nowhere, update(5))
    assert texts(await stage.published()) == ["", "hello"]
    assert (await stage.delivery(broken))["verdict"] == "failed"
    assert "JSON" in (await stage.delivery(broken))["reason"]
    assert "replay" in (await stage.delivery(nowhere))["reason"]


async def test_ignored_and_rejected_deliveries_are_kept_with_their_reason(stage: Stage) -> None:
    empty, xml = form("your-name="), form("<a/>", kind="text/xml")
    await stage.take(empty, xml)
    assert (await stage.delivery(empty))["verdict"] == "ignored"
    assert (await stage.delivery(xml))["verdict"] == "rejected"
    assert await stage.published() == []


async def test_the_journal_names_what_people_ask_for_and_no_person(stage: Stage) -> None:
    delivery = update(5, text="my phone is 555")
    await stage.take(delivery)
    [line] = await stage.journal()
    [envelope] = await stage.published()
    assert line["correlation"] == delivery.id
    assert {delivery.id, "7:5", envelope.data["interaction_id"]} <= set(line["names"])
    assert "telegram delivery of bot" in line["did"]
    assert "555" not in line["did"]
    assert "Anna" not in line["did"]


async def test_an_interaction_goes_by_all_its_names(stage: Stage) -> None:
    delivery = update(5)
    await stage.take(delivery)
    [interaction_id] = await stage.interactions()
    async with stage.database.pool.acquire() as connection:
        for name in (delivery.id, "7:5", interaction_id, interaction_id.upper()):
            assert await other_names(connection, name) == {delivery.id, "7:5", interaction_id}
        assert await other_names(connection, "nobody") == set()


async def test_after_a_fix_a_failed_delivery_is_published_as_a_new_revision_once(stage: Stage) -> None:
    good, rules = stage.rules.channels["site"], stage.rules
    stage.define("site", {"kind": "telegram", "settings": {"secret": "${BOT}"}})
    await stage.take(ANNA)
    assert (await stage.delivery(ANNA))["verdict"] == "failed"
    stage.rules = rules
    assert good.kind.name == "form"
    assert await stage.again(ANNA) == 1
    assert await stage.again(ANNA) == 0
    [envelope] = await stage.published()
    assert envelope.revision == 2
    row = await stage.delivery(ANNA)
    assert (row["verdict"], row["reason"], row["revision"], row["times"]) == ("accepted", "", 2, 1)


async def test_parsing_again_without_a_change_does_nothing(stage: Stage) -> None:
    await stage.take(ANNA, update(5))
    noted = await stage.journal()
    assert await stage.again(ANNA) == 0
    assert await stage.again(update(5)) == 0
    assert len(await stage.published()) == 2
    assert await stage.journal() == noted


async def test_a_changed_mapping_corrects_the_interaction_under_its_id(stage: Stage) -> None:
    await stage.take(ANNA, at_minute(ANNA, 1), at_minute(ANNA, 30))
    stage.define("site", {**SITE, "mapping": {"text": "your-name", "phone": "tel"}})
    assert await stage.again(ANNA, 1) == 1
    assert await stage.again(at_minute(ANNA, 1), 2) == 0
    assert await stage.again(at_minute(ANNA, 30), 3) == 1
    first, second, *corrections = await stage.published()
    assert [one.data["interaction_id"] for one in corrections] == [
        one.data["interaction_id"] for one in (first, second)
    ]
    assert texts(corrections) == ["Anna", "Anna"]
    assert [one.revision for one in corrections] == [2, 3]
    assert len({one.id for one in (first, second, *corrections)}) == 4


async def test_an_id_that_is_made_otherwise_after_a_change_does_not_double(stage: Stage) -> None:
    await stage.take(ANNA)
    stage.define("site", {**SITE, "mapping": {**SITE["mapping"], "id": "tel"}})
    assert await stage.again(ANNA) == 1
    before, after = await stage.published()
    assert before.data["interaction_id"] == after.data["interaction_id"]


async def test_what_the_reader_has_not_come_to_is_left_to_it(stage: Stage) -> None:
    assert await stage.again(ANNA, 1) is None
    await stage.take(ANNA)
    assert await stage.again(at_minute(ANNA, 60), 2) is None
    assert len(await stage.published()) == 1


async def test_a_large_delivery_waits_for_its_body_and_then_is_parsed_for_the_first_time(
    stage: Stage,
) -> None:
    arrival = stage.arrival(ANNA, large=True)
    async with stage.work() as work:
        await take_deliveries([arrival], work)
    assert (await stage.delivery(ANNA))["verdict"] == "waiting"
    assert await stage.again(ANNA, revises=False) == 1
    row = await stage.delivery(ANNA)
    assert (row["verdict"], row["revision"], row["size"]) == ("accepted", 1, len(ANNA.body))
    [envelope] = await stage.published()
    assert envelope.revision is None


async def test_a_failed_transaction_leaves_nothing_and_doing_it_again_gives_the_same(stage: Stage) -> None:
    arrival = stage.arrival(ANNA)

    async def fail() -> None:
        async with stage.work(arrival.cause) as work:
            await take_deliveries([arrival], work)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await stage.deliveries() == {}
    async with stage.work(arrival.cause) as work:
        await take_deliveries([arrival], work)
    [first] = await stage.published()
    await stage.database.pool.execute("TRUNCATE deliveries, interactions, outbox")
    async with stage.work(arrival.cause) as work:
        await take_deliveries([arrival], work)
    assert (await stage.published())[0].id == first.id
    assert first.data["received_at"].startswith(AT.strftime("%Y-%m-%dT%H:%M:%S"))


async def test_parsing_again_counts_as_one_unit_of_work(stage: Stage) -> None:
    await stage.take(form("your-name="))
    stage.define("site", {**SITE, "settings": {"honeypot": "x"}})
    async with stage.work() as work:
        assert await parse_again(stage.arrival(form("your-name="), 1), work) == 0
    assert (await stage.delivery(form("your-name=")))["revision"] == 1
