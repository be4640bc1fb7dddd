"""From written models that have passed the checks to the rules that are applied."""

from collections.abc import Callable

from services.leads.definitions.conditions import condition
from services.leads.definitions.models import EVERYBODY, WrittenAssignment, WrittenLeads, WrittenScore
from services.leads.domain.assignment import AssignmentRule
from services.leads.domain.identity import Recognition, readings
from services.leads.domain.rules import FieldRule, Rules
from services.leads.domain.scoring import Condition, ScoringRule, View


def rules_of(written: WrittenLeads) -> Rules:
    """The rules. Without assignment the whole team takes turns."""
    region = written.fields.default_region
    shared = frozenset(key for text in written.fields.shared for key in readings(text, region))
    team = tuple(name for name, member in written.team.items() if member.available)
    assignment = tuple(_assignment(rule, team) for rule in written.assignment or [WrittenAssignment()])
    return Rules(
        recognition=Recognition(region, shared),
        fields=fields_of(written),
        scoring=tuple(ScoringRule(rule.name, rule.points, _scores(rule)) for rule in written.scoring),
        assignment=tuple(rule for rule in assignment if rule.to),
        team=team,
    )


def fields_of(written: WrittenLeads) -> dict[str, FieldRule]:
    """The known fields."""
    return {name: FieldRule(field.type, field.on_contact) for name, field in written.fields.known.items()}


def _assignment(rule: WrittenAssignment, available: tuple[str, ...]) -> AssignmentRule:
    wanted = available if rule.to == EVERYBODY else tuple(dict.fromkeys(rule.to))
    to = tuple(member for member in wanted if member in available)
    return AssignmentRule(to, rule.by, condition(rule.when) if rule.when else _always)


def _scores(rule: WrittenScore) -> Condition:
    """All that the rule asks for, the cheap questions first."""
    asked: list[Condition] = []
    if rule.channel:
        asked.append(
            _from_channel(frozenset([rule.channel] if isinstance(rule.channel, str) else rule.channel))
        )
    if rule.identity:
        asked.append(_has_identity(rule.identity))
    if rule.field:
        asked.append(_has_field(rule.field, rule.equals))
    if rule.when:
        asked.append(condition(rule.when))
    return lambda view: all(holds(view) for holds in asked)


def _always(_view: View) -> bool:
    return True


def _from_channel(channels: frozenset[str]) -> Callable[[View], bool]:
    return lambda view: view.values["interaction"]["channel"] in channels


def _has_identity(kind: str) -> Callable[[View], bool]:
    return lambda view: kind in view.values["contact"]["identities"]


def _has_field(name: str, equals: str | None) -> Callable[[View], bool]:
    wanted = equals.strip().casefold() if equals is not None else None

    def holds(view: View) -> bool:
        value = view.values["fields"].get(name)
        if wanted is None:
            return value not in (None, "", [], False)
        given = value if isinstance(value, list) else [value]
        return any(_spelled(one) == wanted for one in given)

    return holds


def _spelled(value: object) -> str:
    """A value as people write it: 500 rather than 500.0, yes rather than True."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.strip().casefold()
