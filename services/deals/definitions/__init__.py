"""The part of the definitions that deals reads: funnels and routing."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.deals.definitions.building import rules_of
from services.deals.definitions.checks import check
from services.deals.definitions.models import WrittenAction, WrittenStage
from services.deals.definitions.reading import read
from services.deals.domain.rules import OWNER, Rules
from services.runtime.definitions import DefinitionErrors, Reference

KEYS = frozenset({"funnels", "routing"})


def compile(part: Mapping[str, Any]) -> Rules:
    """The rules of this part. Raises DefinitionErrors with every mistake found."""
    written, mistakes = read(part)
    mistakes += check(written)
    if mistakes:
        raise DefinitionErrors(mistakes)
    return rules_of(written)


def names(part: Mapping[str, Any]) -> dict[str, set[str]]:
    """What other parts may refer to: funnels, and stages as `funnel/stage`."""
    written, _ = read(part)
    stages = {f"{name}/{stage.name}" for name, funnel in written.funnels.items() for stage in funnel.stages}
    return {"funnel": set(written.funnels), "stage": stages}


def references(part: Mapping[str, Any]) -> list[Reference]:
    """What this part needs from others: sequences, and members of the team."""
    written, _ = read(part)
    return [
        reference
        for name, funnel in written.funnels.items()
        for place, stage in enumerate(funnel.stages)
        for path, action in _actions(f"funnels.{name}.stages[{place}]", stage)
        for reference in _of_action(path, action)
    ]


def _actions(path: str, stage: WrittenStage) -> Iterator[tuple[str, WrittenAction]]:
    for kind in ("on_enter", "on_leave"):
        for n, action in enumerate(getattr(stage, kind)):
            yield f"{path}.{kind}[{n}]", action
    for kind in ("after", "on_event"):
        for n, rule in enumerate(getattr(stage, kind)):
            for m, action in enumerate(rule.actions):
                yield f"{path}.{kind}[{n}].actions[{m}]", action


def _of_action(path: str, action: WrittenAction) -> Iterator[Reference]:
    if action.enrol:
        yield Reference(f"{path}.enrol.sequence", "sequence", action.enrol.sequence)
    if action.create_task and action.create_task.assignee not in (None, OWNER):
        yield Reference(f"{path}.create_task.assignee", "member", action.create_task.assignee or "")
