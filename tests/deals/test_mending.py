"""Every mistake of a part is told at once, and what is readable is still read."""

from typing import Any

import pytest

from services.deals.definitions import compile, names, references
from services.runtime.definitions import DefinitionErrors

MOVE_B = {"actions": [{"move": {"to": "b"}}]}
WRONG: dict[str, Any] = {
    "funnels": {
        "reach": {
            "zone": "Europe/Berln",
            "currency": "euro",
            "stages": [
                {"name": "new", "on_entr": [], "on_enter": [{"enrol": {}}, {"move": {"to": "talk"}}]},
                {"name": "talk", "kind": "closed", "after": [{"delay": "2x", "actions": [{}]}]},
                {
                    "name": "trial",
                    "on_event": [
                        {"event": "repled", "when": "lead.scroe > 1", **MOVE_B},
                        {"event": "replied", "when": "lead.scroe > 1", **MOVE_B},
                    ],
                    "on_enter": [{"enrol": {"sequence": "welcome"}}],
                },
            ],
        },
        "Wrong": {"stages": [{"name": "b"}]},
        "empty": {"stages": []},
    },
    "routing": {"rules": [{"funnel": "reach"}, 7], "default": "empty", "fallback": "x"},
}


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(DefinitionErrors) as refused:
        compile(WRONG)
    reach = "funnels.reach"
    assert {error.path for error in refused.value.errors} == {
        f"{reach}.zone",
        f"{reach}.currency",
        f"{reach}.stages[0].on_entr",
        f"{reach}.stages[0].on_enter[0].enrol",
        f"{reach}.stages[1].kind",
        f"{reach}.stages[1].after[0].actions[0]",
        f"{reach}.stages[1].after[0].delay",
        f"{reach}.stages[2].on_event[0].event",
        f"{reach}.stages[2].on_event[1].when",
        f"{reach}.stages[2].on_event[1].actions[0].move.to",
        "funnels.Wrong",
        "funnels.empty.stages",
        "routing.rules[0]",
        "routing.rules[1]",
        "routing.fallback",
    }


def test_what_is_readable_is_still_known() -> None:
    assert {"reach/new", "reach/talk", "reach/trial"} <= names(WRONG)["stage"]
    assert [one.name for one in references(WRONG)] == ["welcome"]
