"""Funnels and routing: what is accepted, and how mistakes are told."""

from contextlib import suppress
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deals.definitions import KEYS, compile, names, references
from services.deals.definitions.building import actions_of
from services.deals.domain.rules import View
from services.hub.definitions.tree import parse
from services.runtime.definitions import DefinitionErrors, Reference
from tests.deals.samples import REACH, one_funnel, rules

Stages = list[dict[str, Any]]
MOVE_B = {"actions": [{"move": {"to": "b"}}]}
B = {"name": "b"}


def mistakes(part: dict[str, Any]) -> dict[str, tuple[str, str]]:
    with pytest.raises(DefinitionErrors) as refused:
        compile(part)
    assert all(error.message and error.remedy for error in refused.value.errors)
    return {error.path: (error.message, error.remedy) for error in refused.value.errors}


def seen(**lead: Any) -> View:
    return View({"lead": {"channel": "x", "fields": {}, **lead}, "contact": {}, "now": None})


def test_nothing_defined_means_one_inbox() -> None:
    built_in = compile({})
    assert built_in.route(seen()).name == "inbox"
    assert [stage.name for stage in built_in.funnels["inbox"].stages] == ["new"]


def test_the_inbox_stays_known_when_funnels_are_defined() -> None:
    assert rules().stage("inbox", "new")
    assert rules().default == "reach"


def test_the_first_route_that_holds_decides() -> None:
    assert rules().route(seen(channel="partner")).name == "partners"
    assert rules().route(seen(channel="main-site")).name == "reach"


def test_a_single_funnel_needs_no_routing() -> None:
    assert compile(one_funnel({"name": "a"})).route(seen()).name == "only"


def test_several_funnels_need_a_default() -> None:
    part = {"funnels": {"a": {"stages": [B]}, "b": {"stages": [B]}}}
    assert "a, b" in mistakes(part)["routing"][1]


def test_names_and_references_are_told() -> None:
    assert frozenset({"funnels", "routing"}) == KEYS
    assert names(REACH)["funnel"] == {"reach", "partners"}
    assert "reach/talking" in names(REACH)["stage"]
    assert references(REACH) == [
        Reference("funnels.reach.stages[0].on_enter[1].enrol.sequence", "sequence", "welcome"),
        Reference("funnels.reach.stages[0].after[0].actions[0].create_task.assignee", "member", "boris"),
        Reference("funnels.reach.stages[2].on_leave[0].enrol.sequence", "sequence", "thanks"),
    ]
    assert names({"funnels": 7})["funnel"] == set()


@pytest.mark.parametrize(
    ("stage", "path", "says"),
    [
        ({"name": "a", "on_entr": []}, "on_entr", 'Did you mean "on_enter"?'),
        ({"name": "A"}, "name", "a-z"),
        ({"title": "a"}, "", "Add name"),
        ({"name": "a", "kind": "closed"}, "kind", "Use one of"),
        ({"name": "a", "on_enter": [{}]}, "on_enter[0]", "create_task, enrol, move"),
        (
            {"name": "a", "on_enter": [{"move": {"to": "b"}, "enrol": {"sequence": "s"}}]},
            "on_enter[0]",
            "exactly one",
        ),
        ({"name": "a", "on_enter": [{"move": {"to": "c"}}]}, "on_enter[0].move.to", "Use one of: b"),
        ({"name": "a", "on_enter": [{"move": {"to": "a"}}]}, "on_enter[0].move.to", "Use one of: b"),
        (
            {"name": "a", "on_enter": [{"move": {"to": "b"}}, {"enrol": {"sequence": "s"}}]},
            "on_enter[1]",
            "never done",
        ),
        ({"name": "a", "on_leave": [{"move": {"to": "b"}}]}, "on_leave[0].move", "leaving"),
        ({"name": "a", "after": [{"delay": "2x", **MOVE_B}]}, "after[0].delay", "2d"),
        ({"name": "a", "after": [{"delay": "0d", **MOVE_B}]}, "after[0].delay", "no time"),
        (
            {"name": "a", "after": [{"delay": "2h", "at": "10:00", **MOVE_B}]},
            "after[0].delay",
            "whole days",
        ),
        ({"name": "a", "after": [{"delay": "2d", "at": "25:00", **MOVE_B}]}, "after[0].at", "09:30"),
        (
            {"name": "a", "after": [{"delay": "2d", "zone": "Berlin", **MOVE_B}]},
            "after[0].zone",
            "Europe/Berlin",
        ),
        (
            {"name": "a", "after": [{"delay": "2d", **MOVE_B}, {"delay": "2d", **MOVE_B}]},
            "after[1]",
            "name",
        ),
        ({"name": "a", "after": [{"delay": "2d", "actions": []}]}, "after[0].actions", "at least one"),
        (
            {"name": "a", "on_event": [{"event": "repled", **MOVE_B}]},
            "on_event[0].event",
            "replied",
        ),
    ],
)
def test_a_mistake_in_a_stage_is_told_with_its_remedy(stage: dict[str, Any], path: str, says: str) -> None:
    found = mistakes(one_funnel(stage, B))
    message, remedy = found[f"funnels.only.stages[0]{'.' if path else ''}{path}"]
    assert says in f"{message} {remedy}"


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("lead.scroe > 1", "Did you mean lead.score?"),
        ("leads.score > 1", "'leads' is not known"),
        ("lead.score > 'x'", "different types"),
        ("lead.score", "true or false"),
        ("lead.score >", "not a CEL condition"),
        ("lower(lead.title) == 'x'", "no function lower()"),
        ("lead['scroe'] > 1", "no field 'scroe'"),
        ("event.medium == 'email'", "'event' is not known"),
    ],
)
def test_a_condition_is_checked_against_what_exists(condition: str, says: str) -> None:
    stage = {"name": "a", "on_enter": [{"when": condition, "move": {"to": "b"}}]}
    found = mistakes(one_funnel(stage, B))
    assert says in " ".join(found["funnels.only.stages[0].on_enter[0].when"])


@pytest.mark.parametrize(
    "condition",
    [
        "has(lead.fields.course) && lead.fields.course.startsWith('b')",
        "'lead.nonsense' == lead.title",
        "lead.title.matches('(?i)demo')",
        "['a', 'b'].exists(c, c == lead.channel)",
        "now - deal.entered_at > duration('48h')",
        "deal.amount > 100",
        'lead["score"] > 1 && type(lead.score) == int',
        "now.getHours() < 18",
    ],
)
def test_an_honest_condition_is_accepted(condition: str) -> None:
    stage = {"name": "a", "on_enter": [{"when": condition, "move": {"to": "b"}}]}
    compile(one_funnel(stage, B))


def test_a_new_lead_has_no_deal_to_route_by() -> None:
    part = {**one_funnel(B), "routing": {"rules": [{"when": "deal.amount > 1", "funnel": "nope"}]}}
    found = mistakes(part)
    assert "'deal' is not known" in found["routing.rules[0].when"][0]
    assert "Use one of: only" in found["routing.rules[0].funnel"][1]


def test_moves_on_entering_must_not_go_in_circles() -> None:
    stages: Stages = [
        {"name": "start"},
        {"name": "a", "on_enter": [{"when": "lead.score > 1", "move": {"to": "b"}}]},
        {"name": "b", "on_enter": [{"move": {"to": "c"}}]},
        {"name": "c", "on_enter": [{"move": {"to": "a"}}]},
    ]
    found = mistakes(one_funnel(*stages))
    assert list(found) == ["funnels.only.stages[1].on_enter"]
    assert "a -> b -> c -> a" in found["funnels.only.stages[1].on_enter"][0]


def test_moves_after_a_while_may_go_in_circles() -> None:
    compile(
        one_funnel(
            {"name": "a", "after": [{"delay": "1d", "actions": [{"move": {"to": "b"}}]}]},
            {"name": "b", "after": [{"delay": "1d", "actions": [{"move": {"to": "a"}}]}]},
        )
    )


def test_a_closed_stage_takes_no_events_and_moves_nothing_on() -> None:
    won = {
        "name": "won",
        "kind": "won",
        "on_enter": [{"move": {"to": "a"}}],
        "on_event": [{"event": "replied", "actions": [{"move": {"to": "a"}}]}],
    }
    found = mistakes(one_funnel({"name": "a"}, won))
    assert set(found) == {
        "funnels.only.stages[1].on_event",
        "funnels.only.stages[1].on_enter[0].move",
    }
    assert (
        "first stage" in mistakes(one_funnel({"name": "x", "kind": "lost"}))["funnels.only.stages[0].kind"][0]
    )


def test_funnels_are_checked_as_a_whole() -> None:
    found = mistakes(one_funnel(B, B, zone="Europe/Berln"))
    assert "IANA" in found["funnels.only.zone"][1]
    assert "two stages" in found["funnels.only.stages[1].name"][0]
    assert "EUR" in mistakes(one_funnel(B, currency="euro"))["funnels.only.currency"][1]


def test_the_example_in_the_readme_is_accepted() -> None:
    text = (Path(__file__).parents[2] / "services" / "deals" / "README.md").read_text()
    example = text.split("```yaml\n")[1].split("```")[0]
    tree = parse("README.md", example)
    assert tree.findings == []
    assert compile(tree.data).funnels["reach"].stages[0].after[0].at == time(10)


def test_what_a_timer_carries_is_what_was_written() -> None:
    after = rules().funnels["reach"].stages[0].after
    for delayed in after:
        assert actions_of(delayed.written) == delayed.actions


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*"ab", "stages", "name", "on_enter", "after", "move", "to", "when", "kind"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(st.fixed_dictionaries({}, optional={"funnels": JSON, "routing": JSON}))
def test_anything_is_either_accepted_or_told_about(part: dict[str, Any]) -> None:
    with suppress(DefinitionErrors):
        compile(part)
    names(part)
    references(part)


def test_every_key_has_a_description() -> None:
    from services.deals.definitions import models

    written = [kind for kind in vars(models).values() if isinstance(kind, type)]
    fields = [
        (kind.__name__, key)
        for kind in written
        if issubclass(kind, models.Written)
        for key, field in kind.model_fields.items()
        if not field.description
    ]
    assert fields == []
