"""What a single key cannot tell: names that must exist, spans, conditions, and moves that go in circles."""

from collections.abc import Collection, Iterator, Mapping

from services.deals.definitions import conditions
from services.deals.definitions.building import rule_name
from services.deals.definitions.circles import circles
from services.deals.definitions.models import (
    WrittenAction,
    WrittenAfter,
    WrittenDeals,
    WrittenFunnel,
    WrittenRouting,
    WrittenStage,
)
from services.deals.definitions.reading import near
from services.deals.domain.rules import CONTACT_ZONE
from services.deals.domain.times import is_zone, parse_clock, parse_span
from services.runtime.definitions import DefinitionError

Mistakes = Iterator[DefinitionError]
_SPANS = "Write a span such as 30m, 4h, 2d, 1w or 1d 4h, at most ten years."


def check(written: WrittenDeals) -> Mistakes:
    """Every mistake that the models alone do not show."""
    for name, funnel in written.funnels.items():
        yield from _funnel(f"funnels.{name}", funnel)
    yield from _routing(written.routing or WrittenRouting(), written.funnels)


def _routing(routing: WrittenRouting, funnels: Mapping[str, WrittenFunnel]) -> Mistakes:
    for place, rule in enumerate(routing.rules):
        path = f"routing.rules[{place}]"
        yield from _condition(f"{path}.when", rule.when, conditions.ON_LEAD)
        yield from _known_funnel(f"{path}.funnel", rule.funnel, funnels)
    if routing.default:
        yield from _known_funnel("routing.default", routing.default, funnels)
    elif len(funnels) > 1:
        remedy = f"Add default: with one of {', '.join(sorted(funnels))}."
        yield DefinitionError("routing", "it does not say where all other leads go", remedy)


def _known_funnel(path: str, name: str, funnels: Collection[str]) -> Mistakes:
    if name not in funnels:
        remedy = near(name, funnels) if funnels else "Define it under funnels:."
        yield DefinitionError(path, f'there is no funnel "{name}"', remedy)


def _funnel(path: str, funnel: WrittenFunnel) -> Mistakes:
    if not is_zone(funnel.zone):
        yield _no_zone(f"{path}.zone", funnel.zone)
    if funnel.stages[0].kind != "open":
        remedy = "Put a stage of kind open first; new deals start there."
        yield DefinitionError(f"{path}.stages[0].kind", "the first stage closes the deal", remedy)
    seen: set[str] = set()
    stages = [stage.name for stage in funnel.stages]
    for place, stage in enumerate(funnel.stages):
        here = f"{path}.stages[{place}]"
        if stage.name in seen:
            message = f'there are two stages "{stage.name}"'
            yield DefinitionError(f"{here}.name", message, "Rename one of them.")
        seen.add(stage.name)
        yield from _stage(here, stage, stages)
    for place, circle in circles(funnel):
        message = f"entering it never ends: {' -> '.join(circle)}"
        remedy = "Take one of these moves out of on_enter; after: or on_event: may hold it."
        yield DefinitionError(f"{path}.stages[{place}].on_enter", message, remedy)


def _stage(path: str, stage: WrittenStage, stages: list[str]) -> Mistakes:
    others = [name for name in stages if name != stage.name]
    yield from _actions(f"{path}.on_enter", stage.on_enter, others, conditions.ON_DEAL)
    yield from _actions(f"{path}.on_leave", stage.on_leave, others, conditions.ON_DEAL)
    for place, action in enumerate(stage.on_leave):
        if action.move:
            message = "a deal that is leaving cannot be moved"
            yield DefinitionError(f"{path}.on_leave[{place}].move", message, "Remove it.")
    if stage.kind != "open":
        yield from _closed(path, stage)
    for place, reaction in enumerate(stage.on_event):
        here = f"{path}.on_event[{place}]"
        if reaction.when:
            yield from _condition(f"{here}.when", reaction.when, conditions.ON_EVENT)
        yield from _actions(f"{here}.actions", reaction.actions, others, conditions.ON_EVENT)
    names: set[str] = set()
    for place, after in enumerate(stage.after):
        here = f"{path}.after[{place}]"
        if rule_name(after) in names:
            message = f'there are two rules "{rule_name(after)}" in this stage'
            yield DefinitionError(here, message, "Give one of them a name: of its own.")
        names.add(rule_name(after))
        yield from _after(here, after, others)


def _closed(path: str, stage: WrittenStage) -> Mistakes:
    """Rules that would never run, or reopen what has only just been closed."""
    if stage.on_event:
        remedy = "Remove it; a new enquiry of the contact opens a new deal."
        message = f"nothing happens to a deal that is {stage.kind}"
        yield DefinitionError(f"{path}.on_event", message, remedy)
    for place, action in enumerate(stage.on_enter):
        if action.move:
            message = f"a stage of kind {stage.kind} moves the deal on at once"
            here = f"{path}.on_enter[{place}].move"
            yield DefinitionError(here, message, "Remove the move, or make the stage kind open.")


def _after(path: str, after: WrittenAfter, others: list[str]) -> Mistakes:
    yield from _moment(path, "delay", after.delay, after.at)
    if after.late_after:
        yield from _span(f"{path}.late_after", after.late_after)
    if after.zone not in (None, CONTACT_ZONE) and not is_zone(after.zone or ""):
        yield _no_zone(f"{path}.zone", after.zone or "")
    yield from _actions(f"{path}.actions", after.actions, others, conditions.ON_DEAL)


def _actions(path: str, actions: list[WrittenAction], others: list[str], roots: Collection[str]) -> Mistakes:
    moved = False
    for place, action in enumerate(actions):
        here = f"{path}[{place}]"
        if moved:
            remedy = "Put the move last, or give it a when:."
            yield DefinitionError(here, "this is never done: the deal has moved before", remedy)
        if action.when:
            yield from _condition(f"{here}.when", action.when, roots)
        if task := action.create_task:
            yield from _moment(f"{here}.create_task", "due_in", task.due_in, task.at)
        if action.move:
            moved = moved or not action.when
            if action.move.to not in others:
                message = f'there is no other stage "{action.move.to}" in this funnel'
                yield DefinitionError(f"{here}.move.to", message, near(action.move.to, others))


def _moment(path: str, key: str, span: str, at: str | None) -> Mistakes:
    """A span, and the time of day it ends at."""
    wrong = list(_span(f"{path}.{key}", span))
    yield from wrong
    if at is None:
        return
    try:
        parse_clock(at)
    except ValueError as error:
        yield DefinitionError(f"{path}.at", str(error), "Write hours and minutes, such as 09:30.")
    if not wrong and parse_span(span).seconds:
        message = f"{key} has hours or less, which a time of day leaves no room for"
        yield DefinitionError(f"{path}.{key}", message, "Use whole days, or remove at:.")


def _span(path: str, text: str) -> Mistakes:
    try:
        span = parse_span(text)
    except ValueError as error:
        yield DefinitionError(path, str(error), _SPANS)
        return
    if not span:
        yield DefinitionError(path, "no time at all", "Give it some, such as 1h.")


def _condition(path: str, source: str, roots: Collection[str]) -> Mistakes:
    for mistake in conditions.mistakes(source, roots):
        yield DefinitionError(path, mistake.message, mistake.remedy)


def _no_zone(path: str, zone: str) -> DefinitionError:
    remedy = "Use a name from the IANA list, such as Europe/Berlin."
    return DefinitionError(path, f'there is no time zone "{zone}"', remedy)
