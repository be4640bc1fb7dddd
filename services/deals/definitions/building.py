"""From written models that have passed the checks to the rules that are followed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from typing import Any

from services.deals.definitions.conditions import condition
from services.deals.definitions.models import (
    WrittenAction,
    WrittenAfter,
    WrittenDeals,
    WrittenFunnel,
    WrittenReaction,
    WrittenStage,
)
from services.deals.domain.rules import (
    Action,
    Condition,
    CreateTask,
    Delayed,
    Enrol,
    Funnel,
    Move,
    Reaction,
    Route,
    Rules,
    Stage,
)
from services.deals.domain.times import parse_clock, parse_span


def rules_of(written: WrittenDeals) -> Rules:
    """The rules; the built-in inbox when no funnel is defined."""
    if not written.funnels:
        return Rules()
    funnels = {name: _funnel(name, one) for name, one in written.funnels.items()}
    routing = written.routing
    routes = tuple(Route(condition(rule.when), rule.funnel) for rule in (routing.rules if routing else ()))
    default = (routing.default if routing else None) or next(iter(funnels))
    # Deals that came before any funnel was defined still stand in the inbox.
    return Rules({**Rules().funnels, **funnels}, routes, default)


def actions_of(written: Iterable[Mapping[str, Any]]) -> tuple[Action, ...]:
    """Actions as a timer carries them. Raises pydantic's ValidationError or ValueError."""
    return _actions([WrittenAction.model_validate(action) for action in written])


def rule_name(after: WrittenAfter) -> str:
    """What the rule is called in history."""
    return after.name or f"after-{after.delay.replace(' ', '')}"


def _funnel(name: str, written: WrittenFunnel) -> Funnel:
    stages = tuple(_stage(stage) for stage in written.stages)
    return Funnel(name, written.title or name, stages, written.currency, written.zone)


def _stage(written: WrittenStage) -> Stage:
    return Stage(
        written.name,
        written.title or written.name,
        written.kind,
        _actions(written.on_enter),
        tuple(_after(rule) for rule in written.after),
        tuple(_reaction(rule) for rule in written.on_event),
        _actions(written.on_leave),
    )


def _after(written: WrittenAfter) -> Delayed:
    return Delayed(
        rule_name(written),
        parse_span(written.delay),
        _clock(written.at),
        written.zone,
        parse_span(written.late_after).length() if written.late_after else None,
        _actions(written.actions),
        tuple(action.model_dump(exclude_defaults=True) for action in written.actions),
    )


def _reaction(written: WrittenReaction) -> Reaction:
    name = written.name or written.event
    return Reaction(name, written.event, _when(written.when), _actions(written.actions))


def _actions(written: Sequence[WrittenAction]) -> tuple[Action, ...]:
    return tuple(_action(action) for action in written)


def _action(written: WrittenAction) -> Action:
    when = _when(written.when)
    if task := written.create_task:
        due_in = parse_span(task.due_in)
        return CreateTask(task.title, due_in, _clock(task.at), task.assignee, when)
    if written.enrol:
        return Enrol(written.enrol.sequence, when)
    if written.move:
        return Move(written.move.to, when)
    raise ValueError("an action without a kind")


def _when(source: str | None) -> Condition | None:
    return condition(source) if source else None


def _clock(text: str | None) -> time | None:
    return parse_clock(text) if text else None
