"""Turns a plan into rows, facts, commands, timers and journal lines."""

from typing import TYPE_CHECKING, assert_never

from contracts.deals import DealMoved, DealOpened, TaskCreated
from contracts.notifications import EnrolContact
from services.deals.domain.deal import Deal
from services.deals.domain.plan import (
    EnrolPlanned,
    Hindered,
    Moved,
    Opened,
    Planned,
    TaskPlanned,
    TasksDropped,
    TasksRestored,
    TimerPlanned,
    TimersDropped,
)
from services.deals.domain.planning import Run
from services.deals.store.deals import HistoryLine
from services.deals.store.tasks import Task
from services.deals.usecases.desk import Desk

if TYPE_CHECKING:
    from services.runtime.cause import Cause

STAGE_RULE = "stage_rule"
"""The kind of timer that a stage's `after` rules set."""


def carry_out(desk: Desk, run: Run, cause: "Cause") -> Deal:
    """Do everything the run has planned, in order, and keep the deal as it ended."""
    for planned in run.planned:
        _do(desk, planned, cause)
    desk.keep(run.deal)
    return run.deal


def _do(desk: Desk, planned: Planned, cause: "Cause") -> None:
    match planned:
        case Opened():
            _open(desk, planned.deal, cause)
        case Moved():
            _move(desk, planned, cause)
        case TaskPlanned():
            _give_task(desk, planned, cause)
        case EnrolPlanned():
            _enrol(desk, planned, cause)
        case TimerPlanned():
            _arm(desk, planned, cause)
        case TimersDropped():
            for place in range(planned.count):
                desk.work.disarm(STAGE_RULE, timer_key(planned.deal, place))
        case TasksDropped():
            desk.drop_tasks(planned.deal.id)
        case TasksRestored():
            desk.restore_tasks(planned.deal.id, planned.dropped_at)
        case Hindered():
            did = f"could not move to {planned.to} by {planned.reason}: no such stage to go to"
            note(desk, planned.deal, did, cause)
        case _:
            assert_never(planned)


def timer_key(deal: Deal, place: int) -> str:
    """The key of a deal's timer, by the rule's place in the stage."""
    return f"{deal.id}/{place}"


def note(desk: Desk, deal: Deal, did: str, cause: "Cause", *names: object) -> None:
    """A journal line that can be found by deal, lead and contact."""
    desk.work.note(
        did,
        names=(deal.id, deal.lead.id, deal.contact_id, *names),
        cause=cause,
        correlation=deal.correlation,
    )


def _open(desk: Desk, deal: Deal, cause: "Cause") -> None:
    desk.opened(deal)
    desk.history.append(
        HistoryLine(deal.id, 1, None, None, deal.funnel, deal.stage, "open", deal.opened_at, "lead captured")
    )
    opened = DealOpened(
        deal_id=deal.id,
        contact_id=deal.contact_id,
        lead_id=deal.lead.id,
        funnel=deal.funnel,
        stage=deal.stage,
        title=deal.title,
        amount=deal.amount,
        currency=deal.currency,
        owner=deal.owner,
        opened_at=deal.opened_at,
    )
    desk.work.emit(opened, cause=cause, version=deal.version, correlation=deal.correlation)
    note(desk, deal, f"opened deal in {deal.funnel}/{deal.stage}", cause)


def _move(desk: Desk, moved: Moved, cause: "Cause") -> None:
    before, deal = moved.before, moved.deal
    moved_at = desk.work.now
    desk.history.append(
        HistoryLine(
            deal.id, deal.entry, before.funnel, before.stage, deal.funnel, deal.stage,
            deal.status, moved_at, moved.reason,
        )
    )  # fmt: skip
    fact = DealMoved(
        deal_id=deal.id,
        contact_id=deal.contact_id,
        lead_id=deal.lead.id,
        funnel=deal.funnel,
        from_stage=before.stage,
        to_stage=deal.stage,
        status=deal.status,
        reason=moved.reason,
        version=deal.version,
        moved_at=moved_at,
    )
    desk.work.emit(fact, cause=cause, version=deal.version, correlation=deal.correlation)
    if deal.merged_into:
        note(desk, deal, f"closed deal, {moved.reason}", cause, deal.merged_into)
        return
    if before.merged_into:
        note(desk, deal, f"opened deal again: {moved.reason}", cause, before.merged_into)
        return
    # A person's name stays out of the journal; the history has it.
    by = moved.reason if moved.rule else "a person"
    note(desk, deal, f"moved {_way(before, deal)} by {by}", cause)


def _way(before: Deal, deal: Deal) -> str:
    if before.funnel == deal.funnel:
        return f"{before.stage} -> {deal.stage}"
    return f"{before.funnel}/{before.stage} -> {deal.funnel}/{deal.stage}"


def _give_task(desk: Desk, planned: TaskPlanned, cause: "Cause") -> None:
    deal, work = planned.deal, desk.work
    task = Task(
        id=work.new_id("task", cause),
        deal_id=deal.id,
        title=planned.title,
        assignee=planned.assignee,
        due_at=planned.due_at,
        status="open",
        created_at=work.now,
    )
    desk.tasks.append(task)
    created = TaskCreated(
        deal_id=deal.id,
        contact_id=deal.contact_id,
        task_id=task.id,
        title=task.title,
        assignee=task.assignee,
        due_at=task.due_at,
    )
    work.emit(created, cause=cause, version=1, correlation=deal.correlation)
    note(desk, deal, "created task", cause, task.id)


def _enrol(desk: Desk, planned: EnrolPlanned, cause: "Cause") -> None:
    deal = planned.deal
    command = EnrolContact(contact_id=deal.contact_id, sequence=planned.sequence, deal_id=deal.id)
    desk.work.send(command, cause=cause, correlation=deal.correlation)
    note(desk, deal, f"asked for sequence {planned.sequence}", cause)


def _arm(desk: Desk, planned: TimerPlanned, cause: "Cause") -> None:
    deal, rule = planned.deal, planned.rule
    desk.work.arm(
        STAGE_RULE,
        timer_key(deal, planned.place),
        planned.due_at,
        payload={"deal": str(deal.id), "rule": rule.name, "actions": list(rule.written)},
        zone=planned.zone,
        rule=f"{rule.name} in {deal.funnel}/{deal.stage}",
        late_after=rule.late_after,
        generation=deal.entry,
        cause=cause,
        correlation=deal.correlation,
    )
