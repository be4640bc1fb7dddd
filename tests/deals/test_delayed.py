"""What a stage does after a while."""

from dataclasses import replace
from datetime import timedelta

from services.deals.definitions import compile
from tests.deals.samples import captured, name, one_funnel, touched
from tests.deals.stage import Stage

DAY = timedelta(days=1)


async def test_a_rule_fires_at_its_local_time(stage: Stage) -> None:
    await stage.tell(captured())
    assert await stage.pass_time(2 * DAY - timedelta(minutes=1)) == []
    (timer,) = await stage.pass_time(timedelta(minutes=1))
    assert (timer.zone, timer.rule) == ("Europe/Berlin", "after-2d in reach/new")
    tasks = await stage.rows("SELECT title, assignee FROM tasks ORDER BY created_at")
    assert tasks[1] == {"title": "Nobody has answered", "assignee": "boris"}


async def test_a_delayed_move_closes_the_deal(stage: Stage) -> None:
    await stage.tell(captured())
    await stage.pass_time(7 * DAY)
    deal = await stage.deal_of(name("lead"))
    assert (deal["stage"], deal["status"]) == ("lost", "lost")
    assert "moved new -> lost by rule after-1w" in await stage.journal()
    assert await stage.rows("SELECT * FROM timers") == []


async def test_a_timer_of_an_earlier_stay_does_nothing(stage: Stage) -> None:
    await stage.tell(captured())
    async with stage.work() as work:
        from services.runtime import timers

        armed = await timers.claim_due(work.connection, ["stage_rule"], stage.now + 30 * DAY, 10)
    await stage.tell(touched())
    before = await stage.state()
    for timer in armed:
        await stage.fire(timer)
    after = await stage.state()
    assert {key: rows for key, rows in after.items() if key != "journal"} == {
        key: rows for key, rows in before.items() if key != "journal"
    }
    assert (await stage.journal())[-1].endswith("undone: the deal has moved on")


async def test_a_rule_that_is_too_late_by_its_own_word_is_skipped(stage: Stage) -> None:
    await stage.tell(captured())
    due = await stage.pass_time(10 * DAY)
    assert {timer.payload["rule"]: timer.missed for timer in due} == {"after-2d": False, "after-1w": True}
    deal = await stage.deal_of(name("lead"))
    assert deal["stage"] == "new"
    assert "skipped rule after-1w: it is too late for it" in await stage.journal()
    assert await stage.value("SELECT count(*) FROM tasks") == 2


async def test_a_rule_is_followed_as_it_was_when_the_deal_came(stage: Stage) -> None:
    await stage.tell(captured())
    stage.rules = compile(one_funnel({"name": "else"}))
    await stage.pass_time(2 * DAY)
    assert await stage.value("SELECT count(*) FROM tasks WHERE title = 'Nobody has answered'") == 1
    await stage.pass_time(5 * DAY)
    deal = await stage.deal_of(name("lead"))
    assert deal["stage"] == "new"
    assert "could not move to lost by rule after-1w: no such stage to go to" in await stage.journal()


async def test_a_stage_entered_again_counts_anew(stage: Stage) -> None:
    ping = {"delay": "1d", "actions": [{"move": {"to": "pong"}}]}
    pong = {"delay": "1d", "actions": [{"move": {"to": "ping"}}]}
    stage.rules = compile(one_funnel({"name": "ping", "after": [ping]}, {"name": "pong", "after": [pong]}))
    await stage.tell(captured())
    for entry, where in enumerate(["pong", "ping", "pong"], start=2):
        (timer,) = await stage.pass_time(DAY)
        assert timer.generation == entry - 1
        deal = await stage.deal_of(name("lead"))
        assert (deal["stage"], deal["entry"]) == (where, entry)


async def test_a_timer_of_a_deal_that_is_gone_does_nothing(stage: Stage) -> None:
    await stage.tell(captured())
    async with stage.work() as work:
        from services.runtime import timers

        (timer, _) = await timers.claim_due(work.connection, ["stage_rule"], stage.now + 30 * DAY, 10)
    await stage.fire(replace(timer, payload={**timer.payload, "deal": str(name("nobody"))}))
    assert await stage.value("SELECT count(*) FROM tasks") == 1
