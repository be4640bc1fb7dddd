"""What a single key cannot tell: names that must exist, conditions, identities and countries."""

from collections import Counter
from collections.abc import Iterator

import phonenumbers

from services.leads.definitions import conditions
from services.leads.definitions.building import fields_of
from services.leads.definitions.models import EVERYBODY, WrittenFields, WrittenLeads, WrittenScore
from services.leads.definitions.reading import near
from services.leads.domain.identity import readings
from services.runtime.definitions import DefinitionError

Mistakes = Iterator[DefinitionError]


def check(written: WrittenLeads) -> Mistakes:
    """Every mistake that the models alone do not show."""
    yield from _fields(written.fields)
    yield from _scoring(written)
    yield from _assignment(written)


def _fields(fields: WrittenFields) -> Mistakes:
    if fields.default_region not in phonenumbers.SUPPORTED_REGIONS:
        message = f'there is no country "{fields.default_region}" with a numbering plan'
        remedy = "Use a two-letter ISO 3166 code, such as RU or DE."
        yield DefinitionError("fields.default_region", message, remedy)
        return
    for place, text in enumerate(fields.shared):
        if not readings(text, fields.default_region):
            remedy = "Write a phone, an email address, or kind:id such as telegram:4711."
            yield DefinitionError(f"fields.shared[{place}]", "this identifies nobody", remedy)


def _scoring(written: WrittenLeads) -> Mistakes:
    counts = Counter(rule.name for rule in written.scoring)
    known = conditions.sample(fields_of(written), lead=False)
    for place, rule in enumerate(written.scoring):
        path = f"scoring[{place}]"
        if counts[rule.name] > 1:
            message = f'there are several rules "{rule.name}"'
            yield DefinitionError(f"{path}.name", message, "Give each a name of its own.")
        yield from _score(path, rule, set(written.fields.known))
        if rule.when:
            yield from _condition(f"{path}.when", rule.when, known)


def _score(path: str, rule: WrittenScore, fields: set[str]) -> Mistakes:
    if rule.channel is None and rule.identity is None and rule.field is None and rule.when is None:
        remedy = "Add channel:, identity:, field: or when:."
        yield DefinitionError(path, "it does not say when it counts", remedy)
    if rule.equals is not None and rule.field is None:
        yield DefinitionError(f"{path}.equals", "it does not say of which field", "Add field:.")
    if rule.field is not None and rule.field not in fields:
        message = f'there is no field "{rule.field}"'
        remedy = near(rule.field, fields) if fields else "Define it under fields.known."
        yield DefinitionError(f"{path}.field", message, remedy)


def _assignment(written: WrittenLeads) -> Mistakes:
    known = conditions.sample(fields_of(written), lead=True)
    decided = False
    for place, rule in enumerate(written.assignment):
        path = f"assignment[{place}]"
        if decided:
            message = "it is never reached: an earlier rule takes every lead"
            yield DefinitionError(path, message, "Put the rule without when: last.")
        decided = decided or rule.when is None
        if rule.when:
            yield from _condition(f"{path}.when", rule.when, known)
        if rule.to == EVERYBODY and not written.team:
            yield DefinitionError(f"{path}.to", "there is nobody in the team", "Add people under team:.")
        for n, member in enumerate(() if rule.to == EVERYBODY else rule.to):
            if member not in written.team:
                remedy = near(member, written.team) if written.team else "Add people under team:."
                yield DefinitionError(f"{path}.to[{n}]", f'there is no member "{member}"', remedy)


def _condition(path: str, source: str, known: dict[str, dict[str, object]]) -> Mistakes:
    for mistake in conditions.mistakes(source, known):
        yield DefinitionError(path, mistake.message, mistake.remedy)
