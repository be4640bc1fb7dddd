"""Follows stage rules for one deal at one moment; the result is a plan, carried out elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.deals.domain.deal import (
    Contact,
    Deal,
    Event,
    facts_of_contact,
    facts_of_deal,
    facts_of_event,
    facts_of_lead,
)
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
from services.deals.domain.rules import (
    CONTACT_ZONE,
    OWNER,
    Action,
    CreateTask,
    Enrol,
    Rules,
    Stage,
    StageKind,
    View,
)
from services.deals.domain.times import due, is_zone

_STATUS: dict[StageKind, Literal["open", "won", "lost"]] = {
    "open": "open",
    "won": "won",
    "lost": "lost",
}


@dataclass(slots=True)
class Run:
    """One deal on its way through the rules; what is to be done piles up in `planned`."""

    deal: Deal
    rules: Rules
    contact: Contact
    moment: datetime
    event: Event | None = None
    planned: list[Planned] = field(default_factory=list)
    _passed: set[tuple[str, str]] = field(default_factory=set)
    _view: View | None = None

    def open(self) -> None:
        """Put a new deal into the stage it names and follow that stage's rules."""
        self.planned.append(Opened(self.deal))
        stage = self.rules.stage(self.deal.funnel, self.deal.stage)
        if stage:
            self._enter(stage)

    def react(self) -> None:
        """Follow the event rules of the present stage, up to the first that moves the deal."""
        stage = self.rules.stage(self.deal.funnel, self.deal.stage)
        if not stage or not self.event or self.deal.status != "open":
            return
        for reaction in stage.on_event:
            if reaction.event != self.event.name:
                continue
            if reaction.when and not reaction.when.holds(self._seen()):
                continue
            if self.perform(reaction.actions, f"rule {reaction.name}"):
                return

    def perform(self, actions: Iterable[Action], reason: str) -> bool:
        """Plan actions in order; a move ends the list. True when the deal moved."""
        for action in actions:
            if action.when and not action.when.holds(self._seen()):
                continue
            if isinstance(action, CreateTask):
                self._plan_task(action)
            elif isinstance(action, Enrol):
                self.planned.append(EnrolPlanned(self.deal, action.sequence))
            elif self.move(action.to, reason):
                return True
        return False

    def move(self, to: str, reason: str, *, funnel: str | None = None, rule: bool = True) -> bool:
        """Leave the present stage and enter another; False when there is no such stage."""
        name = funnel or self.deal.funnel
        stage = self.rules.stage(name, to)
        if stage is None or (name, to) in self._passed:
            self.planned.append(Hindered(self.deal, to, reason))
            return False
        self._leave()
        before, closed = self.deal, stage.kind != "open"
        self._set(
            replace(
                before,
                funnel=name,
                stage=to,
                status=_STATUS[stage.kind],
                version=before.version + 1,
                entry=before.entry + 1,
                armed=0,
                entered_at=self.moment,
                closed_at=self.moment if closed else None,
            )
        )
        self.planned.append(Moved(before, self.deal, reason, rule))
        self._enter(stage)
        return True

    def close_as_merged(self, into: UUID) -> None:
        """End the deal where it stands because another one goes on for the same person."""
        before = self.deal
        self._drop_timers()
        self._set(
            replace(
                before,
                status="merged",
                merged_into=into,
                version=before.version + 1,
                entry=before.entry + 1,
                armed=0,
                closed_at=self.moment,
            )
        )
        self.planned += [
            TasksDropped(self.deal),
            Moved(before, self.deal, f"merged into {into}", rule=True),
        ]

    def reopen(self) -> None:
        """Let a deal that was merged go on where it stood, with the tasks and the time it had left.

        Nothing that entering the stage, or its delayed rules, had done by then is done again.
        """
        before = self.deal
        ended_at = before.closed_at or self.moment
        stage = self.rules.stage(before.funnel, before.stage)
        after = stage.after if stage else ()
        self._set(
            replace(
                before,
                status="open",
                merged_into=None,
                version=before.version + 1,
                entry=before.entry + 1,
                armed=len(after),
                closed_at=None,
            )
        )
        self.planned += [
            TasksRestored(self.deal, ended_at),
            Moved(before, self.deal, "the merge of its lead was undone", rule=True),
        ]
        for place, rule in enumerate(after):
            zone = self._zone(rule.zone)
            moment = due(before.entered_at, rule.delay, zone, rule.at)
            if moment > ended_at:
                self.planned.append(TimerPlanned(self.deal, place, rule, moment, zone))

    def _enter(self, stage: Stage) -> None:
        self._passed.add((self.deal.funnel, stage.name))
        if self.perform(stage.on_enter, f"rule on entering {stage.name}"):
            return
        for place, rule in enumerate(stage.after):
            zone = self._zone(rule.zone)
            moment = due(self.moment, rule.delay, zone, rule.at)
            self.planned.append(TimerPlanned(self.deal, place, rule, moment, zone))
        self._set(replace(self.deal, armed=len(stage.after)))

    def _leave(self) -> None:
        stage = self.rules.stage(self.deal.funnel, self.deal.stage)
        if stage:
            self.perform(stage.on_leave, f"rule on leaving {stage.name}")
        self._drop_timers()

    def _drop_timers(self) -> None:
        if self.deal.armed:
            self.planned.append(TimersDropped(self.deal, self.deal.armed))

    def _plan_task(self, action: CreateTask) -> None:
        assignee = self.deal.owner if action.assignee == OWNER else action.assignee
        moment = due(self.moment, action.due_in, self._zone(None), action.at)
        self.planned.append(TaskPlanned(self.deal, action.title, assignee, moment))

    def _zone(self, wanted: str | None) -> str:
        funnel = self.rules.funnels.get(self.deal.funnel)
        usual = funnel.zone if funnel else "UTC"
        if wanted != CONTACT_ZONE:
            return wanted or usual
        theirs = self.contact.zone
        return theirs if theirs and is_zone(theirs) else usual

    def _set(self, deal: Deal) -> None:
        self.deal, self._view = deal, None

    def _seen(self) -> View:
        if self._view is None:
            facts: dict[str, Any] = {
                "lead": facts_of_lead(self.deal.lead),
                "contact": facts_of_contact(self.contact),
                "deal": facts_of_deal(self.deal),
                "now": self.moment,
            }
            if self.event:
                facts["event"] = facts_of_event(self.event)
            self._view = View(facts)
        return self._view
