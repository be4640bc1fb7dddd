"""An upgrade: every service is replaced while all inlets are in use and the main job is being done."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.compose.stack import SERVICES, Stack, build_newer, built, docker, image
from tests.compose.traffic import FAMILY, Traffic, traffic
from tests.e2e.test_main_job import (  # noqa: F401
    test_a_chat_message_becomes_a_lead_and_its_trace_says_why_no_letter_went_out,
    test_a_form_becomes_a_contact_a_lead_a_deal_a_task_and_a_letter,
    test_a_mail_becomes_a_lead_and_is_found_by_its_message_id,
    test_a_partners_event_becomes_a_lead,
    test_an_answer_stops_the_letters_moves_the_deal_and_joins_the_story,
)
from tests.support.wait import until

pytestmark = pytest.mark.timeout(300)
REPLICAS = {"leads": 3, "notifications": 2}
RATES = {"form": 10.0, "chat": 2.0, "mail": 2.0, "event": 2.0, "look": 4.0, "suppress": 2.0}
_LETTERS_OF = ("form", "mail", "event")
_OTHERS = ("nats", "postgres", "caddy")


@dataclass
class Restarting:
    """What went on beside the tests; whole once the thread has ended."""

    thread: threading.Thread
    printed: str = ""
    seen: Traffic | None = None


@pytest.fixture(scope="module")
def release(images: None) -> Iterator[dict[str, str]]:
    """The images of this tree by service; their names stand for them again in the end."""
    older = {service: built(service) for service in SERVICES}
    yield older
    for service, known in older.items():
        newer = built(service)
        docker("tag", known, image(service))
        if newer != known:
            docker("image", "rm", newer)


@pytest.fixture(scope="module")
def engines(hub: Stack) -> set[str]:
    """The containers that an upgrade of the services does not concern."""
    return set(hub.inspected(*_OTHERS))


@pytest.fixture(scope="module", autouse=True)
def restarting(release: dict[str, str], hub: Stack, engines: set[str]) -> Iterator[Restarting]:
    """Traffic, and in the middle of it an upgrade of everything, as the page on deploying has it."""

    async def go() -> None:
        async with traffic(hub, RATES) as seen:
            await asyncio.to_thread(build_newer)
            hub.restarting = True
            beside.printed = await asyncio.to_thread(hub.upgrade)
            hub.restarting = False
            await asyncio.sleep(3)
        beside.seen = seen

    beside = Restarting(threading.Thread(target=lambda: asyncio.run(go())))
    beside.thread.start()
    yield beside
    beside.thread.join()


@pytest.mark.timeout(900)
async def test_no_request_failed_and_nothing_was_lost(hub: Stack, restarting: Restarting) -> None:
    await asyncio.to_thread(restarting.thread.join)
    seen = restarting.seen
    assert seen is not None, "the restart failed"
    print(restarting.printed, dict(seen.answers), "tries of mail:", dict(seen.mail_tries), sep="\n")
    assert seen.failed == {}
    with_letter = [one for one in seen.accepted if one.startswith(_LETTERS_OF)]

    def letters() -> Counter[str]:
        return Counter(line["recipient"] for line in hub.letter_lines() if line["recipient"].endswith(FAMILY))

    async def all_written_to() -> bool:
        return len(await asyncio.to_thread(letters)) >= len(with_letter)

    await until(all_written_to, within=120, every=1, why="a letter to everybody who was accepted")
    assert letters() == Counter(with_letter), "exactly one letter each"
    assert people_known(hub) == dict.fromkeys(seen.accepted, 1)
    assert suppressed(hub) == set(seen.suppressed)


@pytest.mark.timeout(900)
def test_every_container_runs_the_newer_image_and_no_engine_was_replaced(
    hub: Stack, restarting: Restarting, release: dict[str, str], engines: set[str]
) -> None:
    restarting.thread.join()
    newer = {image(service): built(service) for service in SERVICES}
    assert not set(newer.values()) & set(release.values())
    ours = [one for one in hub.inspected().values() if one[0] in newer]
    print(*(f"{name} {has}" for name, has in sorted(ours)), sep="\n")
    assert {name for name, _ in ours} == set(newer)
    assert [one for one in ours if one[1] != newer[one[0]]] == []
    assert set(hub.inspected(*_OTHERS)) == engines


def people_known(hub: Stack) -> dict[str, int]:
    """By address or number: how many deals there are of the contact that has it."""
    rows = hub.ask(
        "SELECT i.value, count(d.id) FROM leads.identities i"
        " LEFT JOIN deals.deals d USING (contact_id)"
        f" WHERE i.value LIKE '%@{FAMILY}' OR i.kind = 'telegram' AND i.value LIKE '9______'"
        " GROUP BY i.value"
    )
    return {value: int(count) for value, count in rows}


def suppressed(hub: Stack) -> set[str]:
    """The opt-outs that are stored."""
    rows = hub.ask(f"SELECT address FROM notifications.suppressions WHERE address LIKE '%@{FAMILY}'")
    return {address for (address,) in rows}
