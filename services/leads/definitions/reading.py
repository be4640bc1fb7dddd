"""From plain data to the written models; every mistake with its path and a remedy."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from services.leads.definitions.models import WrittenLeads
from services.runtime.definitions import DefinitionError, DefinitionErrors

_REMEDIES = {
    "string_type": "Write text, in quotes if it looks like a number.",
    "list_type": "Write a list, each line beginning with a dash.",
    "dict_type": "Write a mapping of keys to values.",
    "model_type": "Write a mapping of keys to values.",
    "int_parsing": "Write a whole number.",
    "int_type": "Write a whole number.",
    "bool_parsing": "Write true or false.",
    "bool_type": "Write true or false.",
    "too_short": "Add at least one.",
    "literal_error": "Use one of the values named.",
    "string_pattern_mismatch": "Use a-z, 0-9, - and _ for names, and one short line for texts.",
}
_REGION_REMEDY = "Use a two-letter country code in capitals, such as RU or DE."


def read(part: Mapping[str, Any]) -> WrittenLeads:
    """The part as models. Raises DefinitionErrors."""
    try:
        return WrittenLeads.model_validate(part)
    except ValidationError as error:
        rows = error.errors(include_url=False, include_context=False, include_input=False)
        mistakes = {dotted(_steps(row)): _mistake(row) for row in reversed(rows)}
        raise DefinitionErrors(list(mistakes.values())[::-1]) from None


def dotted(steps: Iterable[str | int]) -> str:
    """A path as people write it, such as `scoring[0].when`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def near(wrong: str, known: Iterable[str]) -> str:
    """A remedy that names the nearest known name, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(wrong, names, n=1)
    return f'Did you mean "{close[0]}"?' if close else f"Use one of: {', '.join(names) or 'none yet'}."


def _steps(row: Mapping[str, Any]) -> list[str | int]:
    """Where the mistake is, without what pydantic says of keys and of the arms of a choice."""
    marks = ("[key]", "literal[", "list[", "constrained-str", "function-")
    return [step for step in row["loc"] if not (isinstance(step, str) and step.startswith(marks))]


def _mistake(row: Mapping[str, Any]) -> DefinitionError:
    steps, kind = _steps(row), row["type"]
    if kind == "extra_forbidden":
        remedy = near(str(steps[-1]), _model_at(steps[:-1]).model_fields)
        return DefinitionError(dotted(steps), f'there is no key "{steps[-1]}" here', remedy)
    if kind == "missing":
        remedy = f"Add {steps[-1]}: {_meaning(steps)}"
        return DefinitionError(dotted(steps[:-1]), f'"{steps[-1]}" is missing', remedy)
    if kind == "string_pattern_mismatch":
        remedy = _REGION_REMEDY if steps[-1] == "default_region" else _REMEDIES[kind]
        return DefinitionError(dotted(steps), "this cannot be used here", remedy)
    remedy = _REMEDIES.get(kind) or _meaning(steps) or "Compare it with the examples."
    return DefinitionError(dotted(steps), row["msg"], remedy)


def _meaning(steps: list[str | int]) -> str:
    field = _model_at(steps[:-1]).model_fields.get(str(steps[-1])) if steps else None
    return (field.description or "") if field else ""


def _model_at(steps: Iterable[str | int]) -> type[BaseModel]:
    """The innermost model that the steps lead to."""
    model: type[BaseModel] = WrittenLeads
    for step in steps:
        if (field := model.model_fields.get(str(step))) and (inner := _model_in(field.annotation)):
            model = inner
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for model in map(_model_in, get_args(annotation)) if model), None)
