"""From plain data to the written models; every mistake with its path and a remedy."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from services.notifications.definitions.models import (
    WrittenNotifications,
    WrittenSender,
    WrittenSequence,
    WrittenStep,
    WrittenTemplate,
)
from services.runtime.definitions import DefinitionError, DefinitionErrors

_KINDS: Mapping[str, type[BaseModel]] = {
    "sequences": WrittenSequence,
    "templates": WrittenTemplate,
    "senders": WrittenSender,
}
_REMEDIES = {
    "string_type": "Write text, in quotes if it looks like a number.",
    "list_type": "Write a list, each line beginning with a dash.",
    "dict_type": "Write a mapping of keys to values.",
    "model_type": "Write a mapping of keys to values.",
    "model_attributes_type": "Write a mapping of keys to values.",
    "too_short": "Add at least one.",
    "string_too_short": "Write something.",
    "literal_error": "Use one of the values named.",
}
Steps = list[str | int]


def read(part: Mapping[str, Any]) -> WrittenNotifications:
    """The part as models. Raises DefinitionErrors."""
    try:
        return WrittenNotifications.model_validate(part)
    except ValidationError as error:
        rows = error.errors(include_url=False, include_context=False, include_input=False)
        raise DefinitionErrors([_mistake(row) for row in rows]) from None


def dotted(steps: Iterable[str | int]) -> str:
    """A path as people write it, such as `sequences.welcome.steps[0].at`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def near(wrong: str, known: Iterable[str]) -> str:
    """A remedy that names the nearest known name, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    return f'Did you mean "{close[0]}"?' if close else f"Use one of: {', '.join(names)}."


def _mistake(row: Mapping[str, Any]) -> DefinitionError:
    steps: Steps = [step for step in row["loc"] if step != "[key]"]
    kind = row["type"]
    if kind == "extra_forbidden":
        remedy = near(str(steps[-1]), _keys(steps[:-1]))
        return DefinitionError(dotted(steps), f'there is no key "{steps[-1]}" here', remedy)
    if kind == "missing":
        remedy = f"Add {steps[-1]}: {_meaning(steps)}"
        return DefinitionError(dotted(steps[:-1]), f'"{steps[-1]}" is missing', remedy)
    if kind == "string_pattern_mismatch" and row["loc"][-1] == "[key]":
        return _no_name(steps)
    if kind == "string_pattern_mismatch" and steps[-1] in ("name", "template", "sender", "purpose"):
        return _no_name(steps)
    remedy = _REMEDIES.get(kind) or _meaning(steps) or "Compare it with a sequence that works."
    message = row["msg"].removeprefix("Value error, ")
    if kind == "string_pattern_mismatch":
        message = "this must be one line of at most 200 characters"
    return DefinitionError(dotted(steps), message, remedy)


def _no_name(steps: Steps) -> DefinitionError:
    remedy = "Use a-z, 0-9, - and _, at most 40 of them."
    return DefinitionError(dotted(steps), "this cannot be a name", remedy)


def _model(steps: Steps) -> type[BaseModel]:
    """The model that has the keys at this place."""
    if len(steps) < 2:
        return WrittenNotifications
    if "steps" in steps[2:] and len(steps) > 3:
        return WrittenStep
    return _KINDS.get(str(steps[0]), WrittenNotifications)


def _keys(steps: Steps) -> list[str]:
    return [field.alias or name for name, field in _model(steps).model_fields.items()]


def _meaning(steps: Steps) -> str:
    for name, field in _model(steps[:-1]).model_fields.items():
        if steps and steps[-1] in (name, field.alias):
            return field.description or ""
    return ""
