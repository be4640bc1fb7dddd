"""Stage rules become plans."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.deals.domain.deal import Contact, Deal, Event
from services.deals.domain.plan import (
    EnrolPlanned,
    Hindered,
    Moved,
    Opened,
    TaskPlanned,
    TasksDropped,
    TimerPlanned,
    TimersDropped,
)
from services.deals.domain.planning import Run
from services.deals.domain.rules import Move, Rules
from tests.deals.samples import NOW, a_contact, a_deal, a_lead, name, one_funnel, rules

Stages = list[dict[str, Any]]


def run(
    deal: Deal,
    part: dict[str, Any] | None = None,
    contact: Contact | None = None,
    event: Event | None = None,
) -> Run:
    return Run(deal, rules(part), contact or a_contact(), NOW, event)


def kinds(run: Run) -> list[type]:
    return [type(planned) for planned in run.planned]


def test_a_new_deal_gets_what_its_first_stage_says() -> None:
    opened = run(a_deal())
    opened.open()
    assert kinds(opened) == [Opened, TaskPlanned, EnrolPlanned, TimerPlanned, TimerPlanned]
    task = opened.planned[1]
    assert isinstance(task, TaskPlanned)
    assert (task.title, task.assignee, task.due_at) == ("Call back", "anna", NOW + timedelta(hours=4))
    timer = opened.planned[3]
    assert isinstance(timer, TimerPlanned)
    assert timer.due_at == datetime(2025, 3, 5, 9, tzinfo=UTC)  # 10:00 in Berlin
    assert (timer.zone, timer.rule.name, timer.deal.entry) == ("Europe/Berlin", "after-2d", 1)
    assert opened.deal.armed == 2


def test_a_reply_moves_the_deal_and_takes_its_timers_back() -> None:
    deal = replace(a_deal(), armed=2)
    replied = run(deal, event=Event("replied", medium="email"))
    replied.react()
    assert kinds(replied) == [TimersDropped, Moved, TaskPlanned]
    assert (replied.deal.stage, replied.deal.version, replied.deal.entry) == ("talking", 2, 2)
    moved = replied.planned[1]
    assert isinstance(moved, Moved)
    assert moved.reason == "rule replied"
    assert replied.deal.armed == 0


def test_a_rule_whose_condition_does_not_hold_is_passed_over() -> None:
    replied = run(a_deal(), event=Event("replied", medium="chat"))
    replied.react()
    assert replied.planned == []


def test_only_the_first_rule_that_moves_is_followed() -> None:
    stages: Stages = [
        {
            "name": "a",
            "on_event": [
                {"event": "replied", "actions": [{"create_task": {"title": "Read it"}}]},
                {"event": "replied", "actions": [{"move": {"to": "b"}}]},
                {"event": "replied", "actions": [{"move": {"to": "c"}}]},
            ],
        },
        {"name": "b", "on_event": [{"event": "replied", "actions": [{"move": {"to": "c"}}]}]},
        {"name": "c"},
    ]
    replied = run(a_deal("a", "only"), one_funnel(*stages), event=Event("replied"))
    replied.react()
    assert kinds(replied) == [TaskPlanned, Moved]
    assert replied.deal.stage == "b"


def test_moves_on_entering_follow_each_other() -> None:
    stages: Stages = [
        {"name": "a", "on_enter": [{"move": {"to": "b"}}], "after": [_later("c")]},
        {"name": "b", "on_enter": [{"move": {"to": "c"}, "when": "lead.score > 5"}]},
        {"name": "c", "after": [_later("a")]},
    ]
    opened = run(a_deal("a", "only"), one_funnel(*stages))
    opened.open()
    assert kinds(opened) == [Opened, Moved, Moved, TimerPlanned]
    assert (opened.deal.stage, opened.deal.entry, opened.deal.armed) == ("c", 3, 1)


def test_a_stage_is_not_entered_twice_in_one_go() -> None:
    """Definitions that go in circles are refused; should one slip through, it still ends."""
    stages: Stages = [
        {"name": "a", "on_event": [{"event": "replied", "actions": [{"move": {"to": "b"}}]}]},
        {"name": "b", "on_enter": [{"move": {"to": "c"}}]},
        {"name": "c"},
    ]
    only = rules(one_funnel(*stages)).funnels["only"]
    last = replace(only.stages[2], on_enter=(Move("b"),))
    circle = replace(only, stages=(*only.stages[:2], last))
    going = Run(a_deal("a", "only"), Rules({"only": circle}, (), "only"), a_contact(), NOW, Event("replied"))
    going.react()
    assert kinds(going) == [Moved, Moved, Hindered]
    assert going.deal.stage == "c"


def test_leaving_rules_are_followed_before_the_deal_goes() -> None:
    moving = run(a_deal("talking"))
    assert moving.move("won", "anna", rule=False)
    assert kinds(moving) == [EnrolPlanned, Moved]
    assert (moving.deal.status, moving.deal.closed_at) == ("won", NOW)


def test_a_closed_deal_can_be_opened_again() -> None:
    lost = replace(a_deal("lost"), status="lost", closed_at=NOW)
    moving = run(lost)
    assert moving.move("talking", "anna", rule=False)
    assert (moving.deal.status, moving.deal.closed_at) == ("open", None)


def test_a_closed_deal_hears_nothing() -> None:
    lost = replace(a_deal("new"), status="lost", closed_at=NOW)
    replied = run(lost, event=Event("replied", medium="email"))
    replied.react()
    assert replied.planned == []


def test_a_stage_that_is_gone_leaves_the_deal_where_it_is() -> None:
    stranded = run(a_deal("forgotten"), event=Event("replied"))
    stranded.react()
    assert stranded.planned == []
    moving = run(a_deal("new"))
    assert not moving.move("forgotten", "rule old")
    assert kinds(moving) == [Hindered]
    assert moving.deal.stage == "new"


def test_a_deal_in_a_stage_that_is_gone_can_still_be_moved() -> None:
    moving = run(replace(a_deal("forgotten"), armed=1))
    assert moving.move("talking", "anna", rule=False)
    assert kinds(moving) == [TimersDropped, Moved, TaskPlanned]


def test_merging_ends_timers_and_tasks_and_keeps_the_stage() -> None:
    ending = run(replace(a_deal("talking"), armed=1))
    ending.close_as_merged(name("other"))
    assert kinds(ending) == [TimersDropped, TasksDropped, Moved]
    assert (ending.deal.status, ending.deal.stage, ending.deal.entry) == ("merged", "talking", 2)


def test_days_may_count_on_the_clock_of_the_contact() -> None:
    stages: Stages = [
        {"name": "a", "after": [{**_later("b"), "at": "10:00", "zone": "contact"}]},
        {"name": "b"},
    ]
    for zone, hour in (("Asia/Tokyo", 1), ("Mars/Olympus", 10), (None, 10)):
        opened = run(a_deal("a", "only"), one_funnel(*stages), a_contact(zone=zone))
        opened.open()
        timer = opened.planned[-1]
        assert isinstance(timer, TimerPlanned)
        assert timer.due_at.hour == hour, zone


def test_conditions_see_lead_contact_and_deal() -> None:
    condition = (
        'contact.language == "de" && deal.amount > 99.5 && lead.fields.course == "b2"'
        ' && now - deal.opened_at < duration("1h") && "newsletter" in contact.consents'
    )
    stages: Stages = [{"name": "a", "on_enter": [{"when": condition, "move": {"to": "b"}}]}, {"name": "b"}]
    contact = a_contact(language="de", consents=("newsletter",))
    deal = replace(a_deal("a", "only", fields={"course": "b2"}), amount=Decimal(100))
    fits = run(deal, one_funnel(*stages), contact)
    fits.open()
    assert fits.deal.stage == "b"
    other = run(replace(deal, lead=a_lead()), one_funnel(*stages), contact)
    other.open()
    assert other.deal.stage == "a"


def _later(to: str) -> dict[str, Any]:
    return {"delay": "1d", "actions": [{"move": {"to": to}}]}
