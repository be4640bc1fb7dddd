"""From plain data to the written models; every mistake with its path and a remedy."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from services.deals.definitions.mending import mended
from services.deals.definitions.models import WrittenDeals
from services.runtime.definitions import DefinitionError

_REMEDIES = {
    "string_type": "Write text, in quotes if it looks like a number.",
    "list_type": "Write a list, each line beginning with a dash.",
    "dict_type": "Write a mapping of keys to values.",
    "model_type": "Write a mapping of keys to values.",
    "too_short": "Add at least one.",
    "string_too_short": "Write something.",
    "literal_error": "Use one of the values named.",
}
_PATTERNS = {
    "currency": ("this is no currency code", "Use three capital letters, such as EUR."),
    "name": ("this cannot be a name", "Use a-z, 0-9, - and _, at most 40 of them."),
}


def read(part: Mapping[str, Any]) -> tuple[WrittenDeals, list[DefinitionError]]:
    """The part as models, and what could not be read; that is left out, the rest keeps its place."""
    try:
        return WrittenDeals.model_validate(part), []
    except ValidationError as error:
        rows = error.errors(include_url=False, include_context=False, include_input=False)
        rest = mended(part, [row["loc"] for row in rows])
        return rest, [_mistake(row) for row in rows]


def dotted(steps: Iterable[str | int]) -> str:
    """A path as people write it, such as `routing.rules[0].when`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def near(wrong: str, known: Iterable[str]) -> str:
    """A remedy that names the nearest known name, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(wrong, names, n=1)
    return f'Did you mean "{close[0]}"?' if close else f"Use one of: {', '.join(names)}."


def _mistake(row: Mapping[str, Any]) -> DefinitionError:
    steps = [step for step in row["loc"] if step != "[key]"]
    kind, message = row["type"], row["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        remedy = near(str(steps[-1]), _keys_at(steps[:-1]))
        return DefinitionError(dotted(steps), f'there is no key "{steps[-1]}" here', remedy)
    if kind == "missing":
        remedy = f"Add {steps[-1]}: {_meaning(steps)}"
        return DefinitionError(dotted(steps[:-1]), f'"{steps[-1]}" is missing', remedy)
    if kind == "string_pattern_mismatch":
        odd, remedy = _PATTERNS["currency" if steps[-1] == "currency" else "name"]
        return DefinitionError(dotted(steps), odd, remedy)
    remedy = _REMEDIES.get(kind) or _meaning(steps) or "Compare it with a funnel that works."
    return DefinitionError(dotted(steps), message, remedy)


def _models(steps: Iterable[str | int]) -> Iterator[type[BaseModel]]:
    """The models that the steps lead through, from the outermost."""
    model: type[BaseModel] = WrittenDeals
    yield model
    for step in steps:
        if field := model.model_fields.get(str(step)):
            inner = _model_in(field.annotation)
            if inner is None:
                return
            model = inner
            yield model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(inner) for inner in get_args(annotation))
    return next((model for model in found if model), None)


def _keys_at(steps: list[str | int]) -> Iterable[str]:
    *_, model = _models(steps)
    return model.model_fields


def _meaning(steps: list[str | int]) -> str:
    *_, model = _models(steps[:-1])
    field = model.model_fields.get(str(steps[-1])) if steps else None
    return (field.description or "") if field else ""
