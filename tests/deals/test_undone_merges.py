"""When a merge is undone, deals stand as if it had never been."""

from datetime import timedelta
from typing import Any

from contracts.deals import DealMoved
from tests.deals.samples import (
    NOW,
    captured,
    lead_merged,
    lead_reopened,
    merged,
    name,
    touched,
    unmerged,
)
from tests.deals.stage import Stage

YOUNGER = captured("younger", contact="two", captured_at=NOW + timedelta(minutes=1))


async def _merge(stage: Stage) -> None:
    await stage.tell(captured("older", contact="one"), YOUNGER)
    await stage.tell(merged("one", "two"), lead_merged("younger", into="older", contact="one"))


async def _undo(stage: Stage) -> None:
    await stage.tell(unmerged("one", "two", "younger"), lead_reopened("younger", "older", contact="two"))


async def _business(stage: Stage) -> dict[str, Any]:
    """What people see: versions and entries only ever grow."""
    state = await stage.state()
    mine = {"deals": ("version", "entry"), "tasks": (), "contact_aliases": (), "lead_aliases": ()}
    return {
        table: [{k: v for k, v in row.items() if k not in left_out} for row in state[table]]
        for table, left_out in mine.items()
    }


async def test_the_deal_that_had_ended_goes_on_with_its_tasks_and_its_contact(stage: Stage) -> None:
    await stage.tell(captured("older", contact="one"), YOUNGER)
    before = await _business(stage)
    await stage.tell(merged("one", "two"), lead_merged("younger", into="older", contact="one"))
    assert await _business(stage) != before
    await _undo(stage)
    assert await _business(stage) == before
    ended, reopened = await stage.published(DealMoved)
    assert (ended.data["status"], reopened.data["status"]) == ("merged", "open")
    assert reopened.data["contact_id"] == str(name("two"))
    assert "opened deal again: the merge of its lead was undone" in await stage.journal()


async def test_each_is_moved_by_its_own_replies_again(stage: Stage) -> None:
    await _merge(stage)
    await _undo(stage)
    await stage.tell(touched("two"))
    assert (await stage.deal_of(name("younger")))["stage"] == "talking"
    assert (await stage.deal_of(name("older")))["stage"] == "new"


async def test_delayed_rules_have_the_time_they_had_left_and_fire_once(stage: Stage) -> None:
    await stage.tell(captured("older", contact="one"), YOUNGER)
    younger = await stage.deal_of(name("younger"))
    due = {row["key"]: row["due_at"] for row in await stage.rows("SELECT key, due_at FROM timers")}
    # The rule of the second day fires before the merge, the one of the week is left.
    await stage.pass_time(timedelta(days=3))
    await stage.tell(merged("one", "two"), lead_merged("younger", into="older", contact="one"))
    stage.now += timedelta(days=1)
    await _undo(stage)
    left = await stage.rows("SELECT key, due_at FROM timers WHERE key LIKE $1", f"{younger['id']}/%")
    assert left == [{"key": f"{younger['id']}/1", "due_at": due[f"{younger['id']}/1"]}]
    await stage.pass_time(timedelta(days=3, minutes=1))
    assert (await stage.deal_of(name("younger")))["status"] == "lost"


async def test_what_came_since_stays_and_a_task_that_was_done_stays_done(stage: Stage) -> None:
    await _merge(stage)
    await stage.tell(captured("late", contact="two"))
    await stage.database.pool.execute(
        "UPDATE tasks SET status = 'done', closed_by = 'anna' WHERE status = 'dropped'"
    )
    await _undo(stage)
    assert (await stage.deal_of(name("late")))["contact_id"] == name("one")
    younger = await stage.deal_of(name("younger"))
    assert await stage.value("SELECT status FROM tasks WHERE deal_id = $1", younger["id"]) == "done"


async def test_a_contact_takes_those_along_that_it_had_absorbed_itself(stage: Stage) -> None:
    await stage.tell(merged("b", "a"), merged("c", "b"))
    await stage.tell(unmerged("c", "b"), captured("lead", contact="a"))
    assert (await stage.deal_of(name("lead")))["contact_id"] == name("b")
    await stage.tell(unmerged("b", "a"), captured("own", contact="a"))
    assert (await stage.deal_of(name("own")))["contact_id"] == name("a")


async def test_a_deal_that_was_won_meanwhile_or_never_merged_is_left_alone(stage: Stage) -> None:
    await stage.tell(captured("older"), YOUNGER)
    before = await stage.rows("SELECT * FROM deals ORDER BY id")
    await stage.tell(lead_reopened("younger", "older"), lead_reopened("nobody", "older"))
    assert await stage.rows("SELECT * FROM deals ORDER BY id") == before


async def test_a_lead_told_of_after_it_was_reopened_has_its_deal(stage: Stage) -> None:
    await stage.tell(captured("older"), lead_merged("younger", into="older"))
    await stage.tell(lead_reopened("younger", "older"), YOUNGER)
    assert (await stage.deal_of(name("younger")))["status"] == "open"
