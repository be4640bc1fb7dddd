"""Whoever locks contacts, enrolments and timers does so in an order in which nobody waits in a circle."""

import asyncio

import pytest

from contracts.leads import ContactMerged
from services.notifications.store import contacts, enrolments
from services.notifications.usecases.follow_contacts import follow_contacts
from services.runtime import timers
from services.runtime.errors import Retryable
from tests.notifications.samples import contact, contact_id
from tests.notifications.stage import Stage
from tests.support.wait import until

WAITING = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


async def test_news_of_many_sorts_hold_nothing_while_they_wait(stage: Stage) -> None:
    await stage.know(*(contact(number) for number in (1, 2, 3)))
    merged = ContactMerged(contact_id=contact_id(3), absorbed_id=contact_id(2), reason="email")
    news = [stage.received(one) for one in (contact(3, version=2), merged, contact(1, version=2))]

    async def follow() -> None:
        async with stage.work() as work:
            await follow_contacts(work, news)

    async with stage.work() as other:
        await contacts.lock(other.connection, [contact_id(1)])
        following = asyncio.create_task(follow())
        await until(lambda: stage.value(WAITING))
        async with asyncio.timeout(5):
            await contacts.lock(other.connection, [contact_id(2), contact_id(3)])
    await following
    assert await stage.value("SELECT merged_into FROM contacts WHERE id = $1", contact_id(2)) == contact_id(3)


async def test_a_step_does_not_wait_for_whoever_holds_its_enrolment(stage: Stage) -> None:
    await stage.know(contact(1))
    enrolment = await stage.enrol(1)
    async with stage.database.pool.acquire() as connection:
        [row] = await connection.fetch("SELECT due_at FROM timers")
        [timer] = await timers.claim_due(connection, ["step"], row["due_at"], 1)
    async with stage.work() as other:
        await enrolments.lock(other.connection, [enrolment.id])
        with pytest.raises(Retryable):
            async with asyncio.timeout(5):
                await stage.fire(timer)
    await stage.fire(timer)
    assert len(await stage.states()) == 2
