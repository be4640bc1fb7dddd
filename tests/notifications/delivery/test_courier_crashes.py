"""What the courier remembers and what it finds again when processes or the database go away."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from services.notifications.delivery.courier import Noting
from services.notifications.delivery.ledger import Ledger
from services.notifications.delivery.logbook import Logbook
from services.notifications.domain.legacy import Legacy
from services.notifications.domain.settlement import Attempt
from services.notifications.usecases.claim import Claimed
from tests.notifications.samples import contact
from tests.notifications.smtp_sink import Sink
from tests.notifications.stage import Stage, carrying
from tests.support.wait import until


async def settled(stage: Stage) -> bool:
    waiting = "SELECT count(*) FROM messages WHERE state IN ('queued', 'sending')"
    return bool(await stage.value(waiting) == 0)


async def test_a_killed_senders_messages_become_unknown_when_its_lease_ends(stage: Stage, smtp: Sink) -> None:
    await stage.know(contact(1), contact(2))
    await stage.enrol(1, "single")
    await stage.enrol(2, "repeated")
    claimed = await stage.desk(owner=uuid4(), lease=60).claim(5)
    assert len(claimed) == 2
    # Here it is killed: committed as sending, nothing heard of it again.
    async with carrying(stage.courier(smtp.port), stage.desk()):
        await asyncio.sleep(0.3)
        assert smtp.letters == []
        assert {state for _, state in await stage.states()} == {"sending"}
        stage.clock.time += timedelta(seconds=61)
        await until(lambda: stage.value("SELECT count(*) = 0 FROM messages WHERE state = 'sending'"))
        stage.clock.time += timedelta(seconds=61)
        await until(lambda: settled(stage), within=20)
    assert smtp.recipients() == ["person2@client.example"], "the one that may be repeated"
    assert sorted(await stage.endings()) == ["completed", "unknown"]


async def test_an_heir_knows_from_its_notes_what_a_killed_sender_did(
    stage: Stage, smtp: Sink, tmp_path: Path
) -> None:
    await stage.know(*(contact(number) for number in range(1, 5)))
    for number in range(1, 5):
        await stage.enrol(number, "single")
    owner = uuid4()
    killed = Logbook(tmp_path, owner)
    killed.begin()
    desk, noting = stage.desk(owner=owner, lease=60), Ledger(stage.clock.now, lambda: None, killed).claiming
    never_left, open_end, taken, refused = await desk.claim(5, noting)
    for one in (open_end, taken, refused):
        killed.about_to_end(one.message.id, one.attempt)
    for one, result in ((taken, "sent"), (refused, "refused")):
        killed.over(Attempt(one.message.id, one.attempt, result, "said so", stage.now))  # type: ignore[arg-type]
    killed._release()
    async with carrying(stage.courier(smtp.port, book=Logbook(tmp_path, uuid4())), stage.desk()):
        await until(lambda: settled(stage))
    assert smtp.recipients() == [never_left.address], "long before any lease has ended"
    rows = await stage.rows("SELECT id, state FROM messages")
    assert {row["id"]: row["state"] for row in rows} == {
        never_left.message.id: "sent",
        open_end.message.id: "unknown",
        taken.message.id: "sent",
        refused.message.id: "not_sent",
    }


async def test_an_heir_tells_that_a_letter_was_sent_that_others_gave_up(
    stage: Stage, smtp: Sink, tmp_path: Path
) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    owner = uuid4()
    killed = Logbook(tmp_path, owner)
    killed.begin()
    [taken] = await stage.desk(owner=owner, lease=60).claim(5)
    killed.about_to_end(taken.message.id, taken.attempt)
    killed.over(Attempt(taken.message.id, taken.attempt, "sent", "250", stage.now))
    stage.clock.time += timedelta(seconds=61)
    await stage.desk().sweep([])
    assert await stage.states() == [("only", "unknown")]
    killed._release()
    async with carrying(stage.courier(smtp.port, book=Logbook(tmp_path, uuid4())), stage.desk()):
        await until(lambda: stage.value("SELECT state = 'sent' FROM messages"))
    assert smtp.letters == []


@pytest.mark.parametrize("lease", [60, -1], ids=["in time", "when its lease is over"])
async def test_a_claim_that_commits_after_its_notes_were_read_goes_back_into_the_queue(
    stage: Stage, smtp: Sink, tmp_path: Path, lease: float
) -> None:
    owner = uuid4()
    killed = Logbook(tmp_path, owner)
    killed.begin()
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    killed.claiming([(await stage.value("SELECT id FROM messages"), 1)])
    killed._release()
    desk, late = stage.desk(), asyncio.Event()
    inherit, claim = desk.inherit, desk.claim

    async def then_it_commits(legacy: Legacy) -> Counter[str]:
        found = await inherit(legacy)
        if not late.is_set():
            assert not found
            await stage.desk(owner=owner, lease=lease).claim(5)
            late.set()
        return found

    async def claim_after_it(most: int, noting: Noting) -> list[Claimed]:
        await late.wait()
        return await claim(most, noting)

    desk.inherit, desk.claim = then_it_commits, claim_after_it  # type: ignore[method-assign, assignment]
    courier = stage.courier(smtp.port, book=Logbook(tmp_path, uuid4()), lease=0.2)
    async with carrying(courier, desk):
        await until(lambda: settled(stage))
    assert await stage.endings() == ["completed"]
    assert len(smtp.letters) == 1


async def test_an_outcome_that_is_written_late_does_not_end_the_next_attempt(stage: Stage) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    desk = stage.desk()
    ledger = Ledger(stage.clock.now, lambda: None, Logbook(None, uuid4()))
    [first] = await desk.claim(5)
    ledger.take_in([first])
    settle, done = desk.settle, asyncio.Event()

    async def then_it_is_claimed_again(attempts: Sequence[Attempt]) -> bool:
        waiting = await settle(attempts)
        [again] = await desk.claim(5)
        assert again.attempt == 2
        ledger.take_in([again])
        assert ledger.may_start(again)
        return waiting

    desk.settle = then_it_is_claimed_again  # type: ignore[method-assign]
    ledger.over(first, "untried", "taken back before it left")
    done.set()
    await ledger.write(desk, done)
    assert ledger.in_hand == [first.message.id], "the second attempt is still on its way"
    ledger.withdraw([first.contact.id])
    assert ledger.may_start(first), "and what is on the wire cannot be withdrawn"


async def test_a_claim_that_was_never_heard_of_goes_back_into_the_queue(stage: Stage, smtp: Sink) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    desk = stage.desk(lease=60)
    await desk.claim(5)
    # The commit went through, its answer did not: this very process has no memory of the claim.
    stage.clock.time += timedelta(seconds=61)
    async with carrying(stage.courier(smtp.port), desk):
        await until(lambda: settled(stage))
    assert len(smtp.letters) == 1
    assert await stage.endings() == ["completed"]


async def test_a_claim_whose_answer_is_lost_goes_back_at_once(stage: Stage, smtp: Sink) -> None:
    await stage.know(contact(1), contact(2))
    await stage.enrol(1, "single")
    await stage.enrol(2, "single")
    desk = stage.desk(lease=3600)
    claim, lost = desk.claim, asyncio.Event()

    async def unheard(most: int, noting: Noting) -> list[Claimed]:
        claimed = await claim(most, noting)
        if not lost.is_set():
            lost.set()
            raise Absent
        return claimed

    desk.claim = unheard  # type: ignore[method-assign, assignment]
    async with carrying(stage.courier(smtp.port), desk):
        await until(lambda: settled(stage))
    assert sorted(smtp.recipients()) == ["person1@client.example", "person2@client.example"]
    assert await stage.endings() == ["completed", "completed"]


async def test_what_is_on_its_way_is_not_taken_back(stage: Stage) -> None:
    await stage.know(contact(1), contact(2))
    await stage.enrol(1, "single")
    await stage.enrol(2, "single")
    desk = stage.desk()
    ours, unheard = await desk.claim(5)
    await stage.desk().take_back([])
    assert {state for _, state in await stage.states()} == {"sending"}, "nobody else's"
    assert await desk.take_back([ours.message.id]) == 1
    rows = await stage.rows("SELECT id, state FROM messages")
    states = {row["id"]: row["state"] for row in rows}
    assert states == {ours.message.id: "sending", unheard.message.id: "queued"}


class Absent(Exception):
    """The database is away."""


async def test_while_the_database_is_away_outcomes_are_kept_and_never_sent_again(
    stage: Stage, smtp: Sink
) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    desk, courier = stage.desk(), stage.courier(smtp.port)
    settle, away = desk.settle, asyncio.Event()

    async def fail(_attempts: object) -> bool:
        away.set()
        raise Absent

    desk.settle = fail  # type: ignore[assignment, method-assign]
    async with carrying(courier, desk):
        await asyncio.wait_for(away.wait(), 10)
        assert len(smtp.letters) == 1
        # Long past its lease: still in this process's hands.
        stage.clock.time += timedelta(hours=1)
        await desk.sweep(courier.ledger.in_hand)
        assert await stage.states() == [("only", "sending")]
        desk.settle = settle  # type: ignore[method-assign]
        await until(lambda: settled(stage))
    assert len(smtp.letters) == 1
    assert await stage.endings() == ["completed"]


async def test_news_that_it_was_sent_is_welcome_after_others_gave_it_up(stage: Stage, smtp: Sink) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    desk, courier = stage.desk(), stage.courier(smtp.port)
    settle, away = desk.settle, asyncio.Event()

    async def fail(_attempts: object) -> bool:
        away.set()
        raise Absent

    desk.settle = fail  # type: ignore[assignment, method-assign]
    async with carrying(courier, desk):
        await asyncio.wait_for(away.wait(), 10)
        stage.clock.time += timedelta(hours=1)
        await stage.desk().sweep([])
        assert await stage.states() == [("only", "unknown")]
        desk.settle = settle  # type: ignore[method-assign]
        await until(lambda: stage.value("SELECT state = 'sent' FROM messages"))
    assert len(smtp.letters) == 1
    assert (await stage.types())[-1] == "messages.sent"
