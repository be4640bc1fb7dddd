"""SIGKILL of the hub, its bus and its database in the middle: nothing lost, nothing done twice."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.hub import Hub, a_hub
from tests.e2e.people import chat, fill_in, publish, write_mail
from tests.support.wait import until

pytestmark = pytest.mark.timeout(240)


async def everybody_asks(hub: Hub, n: int) -> None:
    """One enquiry through each inlet; returns when all four are accepted."""
    _, chatted, *_ = await asyncio.gather(
        fill_in(hub, {"your-name": "Sam", "your-email": f"form{n}@crash.test"}),
        chat(hub, "Hello", user=500 + n, message=n),
        write_mail(hub, f"mail{n}@crash.test", "Hello", message_id=f"m{n}@crash.test"),
        publish(hub, f"c-{n}", {"student": {"email": f"portal{n}@crash.test"}, "message": "Hello"}),
    )
    assert chatted.status_code == 200


async def settled(hub: Hub, enquiries: int) -> bool:
    """Whether every enquiry has its deal and its letter, or the reason why there is none."""
    under_way = "notifications.messages WHERE state IN ('queued', 'sending')"
    messages, waiting = await hub.count("notifications.messages"), await hub.count(under_way)
    return await hub.count("deals.deals") >= enquiries and messages - waiting >= enquiries


# How long a letter may be under way decides how soon one that the crash left open is settled.
SOON = {"LEADWIRE_NOTIFICATIONS_SMTP_LETTER_SECONDS": "4"}


@pytest.mark.parametrize("pause", [0.0, 0.15])
async def test_what_was_accepted_before_the_crash_is_done_once_after_it(
    prepared_home: Path, pause: float
) -> None:
    with a_hub(prepared_home, **SOON) as hub:
        await crash_and_settle(hub, pause)


async def crash_and_settle(hub: Hub, pause: float, rounds: int = 3) -> None:
    for n in range(rounds):
        await hub.start()
        await everybody_asks(hub, n)
        await asyncio.sleep(pause)
        await hub.kill()
    await hub.start()
    await until(lambda: settled(hub, rounds * 4), 60, every=0.2, why="every enquiry to be settled")
    for table in ("connectors.interactions", "leads.contacts", "leads.leads", "deals.deals", "deals.tasks"):
        assert await hub.count(table) == rounds * 4, table
    for n in range(rounds):
        for who in ("form", "mail", "portal"):
            await until(lambda: letter_or_unknown(hub, f"{who}{n}@crash.test"), 30)  # noqa: B023
    assert await hub.stop() == 0


async def letter_or_unknown(hub: Hub, address: str) -> bool:
    """One letter; none only where the crash left open whether it went out, and that is on record."""
    letters = hub.letters_to(address)
    assert len(letters) <= 1
    found = await hub.trace(address)
    return bool(letters) or "unknown" in " ".join(entry["did"] for entry in found["entries"])
