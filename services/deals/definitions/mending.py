"""Takes out what cannot be read, so that the rest is checked too and every mistake is told at once."""

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from services.deals.definitions.models import NAME, WrittenDeals

Steps = list[int | str]
_PASSES = 4
_KEY = "[key]"
_ACTION: dict[str, Any] = {"create_task": {"title": "unreadable", "assignee": None}}
_ONLY_STAGE: dict[str, Any] = {"stages": [{"name": "unreadable"}]}
# Without these their mapping cannot be read; the mapping itself is replaced then.
_NEEDED = {
    *("name", "stages", "delay", "event", "actions", "sequence", "to", "title", "funnel"),
    *("create_task", "enrol", "move"),
}


def mended(part: Mapping[str, Any], mistakes: Iterable[tuple[int | str, ...]]) -> WrittenDeals:
    """The part without the pieces at these places; what is left stays where it was.

    An empty part when nothing readable is left.
    """
    rest, places = deepcopy(dict(part)), list(mistakes)
    for _ in range(_PASSES):
        gone: list[Steps] = []
        for place in places:
            if not any(list(place[: len(taken)]) == taken for taken in gone):
                gone.append(_take_out(rest, list(place)))
        try:
            return WrittenDeals.model_validate(rest)
        except ValidationError as again:
            places = [row["loc"] for row in again.errors(include_url=False, include_input=False)]
    return WrittenDeals()


def _take_out(part: dict[str, Any], place: Steps) -> Steps:
    """Going outwards, replace the first thing that has a stand-in, or drop the first that may go.

    Returns the place of what was taken out.
    """
    steps = [step for step in place if step != _KEY]
    for end in range(len(steps), 0, -1):
        holder, last = _at(part, steps[: end - 1]), steps[end - 1]
        known = isinstance(holder, dict) and last in holder
        known |= isinstance(holder, list) and isinstance(last, int) and last < len(holder)
        if not known:
            continue
        stand_in = None if _KEY in place else _stand_in(steps[:end], holder[last])
        if stand_in is not None:
            holder[last] = deepcopy(stand_in)
            return steps[:end]
        if isinstance(holder, dict) and (end < 3 or last not in _NEEDED):
            del holder[last]
            return steps[:end]
    return steps


def _stand_in(steps: Steps, was: Any) -> dict[str, Any] | None:
    """Something readable for an item of a list, or for a funnel; None for all else."""
    inside = steps[-2] if len(steps) > 1 else None
    if inside == "funnels":
        return _ONLY_STAGE
    if not isinstance(steps[-1], int):
        return None
    unreadable = f"unreadable-{steps[-1]}"
    if inside == "stages":
        name = was.get("name") if isinstance(was, dict) else None
        return {"name": name if isinstance(name, str) and re.fullmatch(NAME, name) else unreadable}
    if inside == "after":
        return {"name": unreadable, "delay": "1d", "actions": [_ACTION]}
    if inside == "on_event":
        return {"event": "replied", "actions": [_ACTION]}
    return _ACTION if inside in ("on_enter", "on_leave", "actions") else None


def _at(part: Any, steps: Steps) -> Any:
    for step in steps:
        try:
            part = part[step]
        except (KeyError, IndexError, TypeError):
            return None
    return part
