"""The part of the definitions that leads reads: team, assignment, scoring, fields."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.leads.definitions.building import rules_of
from services.leads.definitions.checks import check
from services.leads.definitions.conditions import channels_in
from services.leads.definitions.models import WrittenLeads, WrittenScore
from services.leads.definitions.reading import read
from services.leads.domain.rules import Rules
from services.runtime.definitions import DefinitionErrors, Reference

KEYS = frozenset({"team", "assignment", "scoring", "fields"})


def compile(part: Mapping[str, Any]) -> Rules:
    """The rules of this part. Raises DefinitionErrors with every mistake found."""
    written = read(part)
    mistakes = list(check(written))
    if mistakes:
        raise DefinitionErrors(mistakes)
    return rules_of(written)


def names(part: Mapping[str, Any]) -> dict[str, set[str]]:
    """What other parts may refer to: members of the team, and known fields."""
    written = _readable(part)
    return {"member": set(written.team), "field": set(written.fields.known)}


def references(part: Mapping[str, Any]) -> list[Reference]:
    """What this part needs from others: channels."""
    written = _readable(part)
    found = [
        reference
        for place, rule in enumerate(written.scoring)
        for reference in _of_score(f"scoring[{place}]", rule)
    ]
    for place, rule in enumerate(written.assignment):
        found += _of_condition(f"assignment[{place}].when", rule.when)
    return found


def _of_score(path: str, rule: WrittenScore) -> Iterator[Reference]:
    if isinstance(rule.channel, str):
        yield Reference(f"{path}.channel", "channel", rule.channel)
    for n, channel in enumerate(rule.channel if isinstance(rule.channel, list) else ()):
        yield Reference(f"{path}.channel[{n}]", "channel", channel)
    yield from _of_condition(f"{path}.when", rule.when)


def _of_condition(path: str, source: str | None) -> Iterator[Reference]:
    for channel in sorted(channels_in(source or "")):
        yield Reference(path, "channel", channel)


def _readable(part: Mapping[str, Any]) -> WrittenLeads:
    """The part, or an empty one: its mistakes are told by `compile`."""
    try:
        return read(part)
    except DefinitionErrors:
        return WrittenLeads()
