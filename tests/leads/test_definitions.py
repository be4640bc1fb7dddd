"""What people write is checked to the letter, and what is right is applied."""

from typing import Any

import pytest

from services.leads.definitions import KEYS, compile, names, references
from services.leads.definitions.conditions import condition
from services.leads.domain.assignment import Seat
from services.leads.domain.contact import Contact
from services.leads.domain.identity import EMAIL, PHONE, Key
from services.leads.domain.rules import Asked, Rules
from services.leads.domain.scoring import View
from services.runtime.definitions import DefinitionErrors, Reference
from tests.leads.stage import BEGIN, NAMESPACE

SCHOOL: dict[str, Any] = {
    "team": {
        "anna": {"name": "Anna", "email": "anna@example.org"},
        "boris": {"name": "Boris"},
        "vera": {"name": "Vera", "available": False},
    },
    "fields": {
        "default_region": "DE",
        "shared": ["030 901820", "info@example.com"],
        "known": {
            "course": {"on_contact": True},
            "budget": {"type": "number"},
            "urgent": {"type": "flag"},
            "days": {"type": "list"},
        },
    },
    "scoring": [
        {"name": "exam", "points": 20, "field": "course", "equals": "IELTS"},
        {"name": "rich", "points": 30, "when": "fields.budget > 100.0"},
        {"name": "phone", "points": 5, "identity": "phone"},
        {"name": "site", "points": 1, "channel": ["site", "landing"]},
        {"name": "weekend", "points": 7, "when": 'fields.days.exists(d, d == "sat") && fields.urgent'},
    ],
    "assignment": [
        {"to": ["vera", "anna"], "when": "lead.score > 40"},
        {"to": "everybody", "by": "least_busy"},
    ],
}


def _asked(**more: Any) -> Asked:
    return Asked(at=BEGIN, channel=more.pop("channel", "bot"), kind="form", medium="form", **more)


def _contact(*kinds: str) -> Contact:
    keys = [Key(kind, "x") for kind in kinds]
    return Contact(NAMESPACE, BEGIN, identities=dict.fromkeys(keys, None))  # type: ignore[arg-type]


def _view(rules: Rules) -> View:
    return rules.view(_asked(), _contact(), known=False)


def test_nothing_defined_works() -> None:
    rules = compile({})
    assert not rules.scoring
    assert not rules.assignment
    assert rules.points(rules.view(_asked(), _contact(), known=False)) == {}


def test_a_whole_part_is_understood() -> None:
    rules = compile(SCHOOL)
    asked = _asked(
        channel="site",
        fields={"course": " ielts ", "budget": "1 500,50", "urgent": "yes", "days": "sat"},
    )
    points = rules.points(rules.view(asked, _contact("phone"), known=False))
    assert points == {"exam": 20, "rich": 30, "phone": 5, "site": 1, "weekend": 7}
    assert rules.points(rules.view(_asked(fields={"budget": "a lot"}), _contact(), known=False)) == {}
    assert rules.recognition.region == "DE"
    assert rules.recognition.shared == {Key(PHONE, "+4930901820"), Key(EMAIL, "info@example.com")}


def test_who_is_away_gets_nothing() -> None:
    rules = compile(SCHOOL)
    seats = {name: Seat(name) for name in ("anna", "boris", "vera")}
    chosen = [rules.owner(_view(rules), 50, seats) for _ in range(3)]
    assert chosen == ["anna"] * 3
    assert rules.owner(_view(rules), 0, seats) == "boris"


def test_the_whole_team_takes_turns_when_nothing_else_is_said() -> None:
    rules = compile({"team": {name: {"name": name} for name in ("c", "a", "b")}})
    seats = {name: Seat(name) for name in "abc"}
    chosen = [rules.owner(_view(rules), 0, seats) for _ in range(7)]
    assert chosen == ["c", "a", "b", "c", "a", "b", "c"]


def test_keys_and_names_for_the_other_parts() -> None:
    assert set(SCHOOL) == KEYS
    assert names(SCHOOL) == {
        "member": {"anna", "boris", "vera"},
        "field": {"course", "budget", "urgent", "days"},
    }
    part = {
        "scoring": [{"name": "x", "points": 1, "channel": "site", "when": "interaction.channel == 'bot'"}],
        "assignment": [{"when": 'interaction.channel != "mail"'}],
    }
    assert references(part) == [
        Reference("scoring[0].channel", "channel", "site"),
        Reference("scoring[0].when", "channel", "bot"),
        Reference("assignment[0].when", "channel", "mail"),
    ]
    assert names({"team": 7}) == {"member": set(), "field": set()}


@pytest.mark.parametrize(
    ("part", "path", "message", "remedy"),
    [
        ({"teem": {}}, "teem", "no key", '"team"'),
        ({"team": {"anna": {}}}, "team.anna", '"name" is missing', "Add name:"),
        ({"team": {"Anna K": {"name": "A"}}}, "team.Anna K", "cannot be used", "a-z"),
        ({"team": {"anna": {"name": "A", "mail": "x"}}}, "team.anna.mail", "no key", '"email"'),
        ({"fields": {"default_region": "Russia"}}, "fields.default_region", "cannot", "two-letter"),
        ({"fields": {"default_region": "XX"}}, "fields.default_region", "no country", "ISO 3166"),
        ({"fields": {"shared": ["the desk"]}}, "fields.shared[0]", "nobody", "telegram:4711"),
        ({"fields": {"known": {"a": {"type": "date"}}}}, "fields.known.a.type", "", "values named"),
        ({"scoring": [{"name": "a", "points": 1}]}, "scoring[0]", "when it counts", "field:"),
        (
            {"scoring": [{"name": "a", "points": "x", "when": "true"}]},
            "scoring[0].points",
            "",
            "whole number",
        ),
        ({"scoring": [{"name": "a", "points": 1, "field": "x"}]}, "scoring[0].field", "no field", "known"),
        ({"scoring": [{"name": "a", "points": 1, "when": "1 +"}]}, "scoring[0].when", "not a CEL", "Correct"),
        ({"scoring": [{"name": "a", "points": 1, "when": "deal.x"}]}, "scoring[0].when", "'deal'", "contact"),
        (
            {"scoring": [{"name": "a", "points": 1, "when": 'interaction.chanel == "x"'}]},
            "scoring[0].when",
            "no field 'chanel'",
            "interaction.channel?",
        ),
        (
            {"scoring": [{"name": "a", "points": 1, "when": 'fields["budget"] > 5.0'}]},
            "scoring[0].when",
            "no field 'budget'",
            "fields.known",
        ),
        (
            {"scoring": [{"name": "a", "points": 1, "when": "lead.score > 1"}]},
            "scoring[0].when",
            "'lead'",
            "Use",
        ),
        (
            {"scoring": [{"name": "a", "points": 1, "when": "interaction.title > 5"}]},
            "scoring[0].when",
            "different types",
            "quotes",
        ),
        (
            {"scoring": [{"name": "a", "points": 1, "when": "interaction.title"}]},
            "scoring[0].when",
            "true or false",
            "Compare",
        ),
        (
            {"scoring": [{"name": "a", "points": 1, "when": "interaction.text.lower() == 'x'"}]},
            "scoring[0].when",
            "no function lower()",
            "contains",
        ),
        ({"assignment": [{}]}, "assignment[0].to", "nobody", "team:"),
        ({"assignment": [{"to": ["bob"]}]}, "assignment[0].to[0]", "no member", "team:"),
        ({"assignment": [{"to": "all"}]}, "assignment[0].to", "", ""),
        ({"assignment": [{"by": "chance"}]}, "assignment[0].by", "", "values named"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_remedy(
    part: dict[str, Any], path: str, message: str, remedy: str
) -> None:
    with pytest.raises(DefinitionErrors) as refused:
        compile(part)
    (error,) = (one for one in refused.value.errors if one.path == path)
    assert message in error.message
    assert remedy in error.remedy
    assert error.remedy


def test_several_mistakes_are_all_told() -> None:
    with pytest.raises(DefinitionErrors) as refused:
        compile(
            {
                "team": {"anna": {"name": "A"}},
                "scoring": [{"name": "a", "points": 1, "when": "x"}, {"name": "a", "points": 1}],
                "assignment": [{"to": ["ana"]}, {"to": ["anna"]}],
            }
        )
    assert [error.path for error in refused.value.errors] == [
        "scoring[0].name",
        "scoring[0].when",
        "scoring[1].name",
        "scoring[1]",
        "assignment[0].to[0]",
        "assignment[1]",
    ]
    assert 'Did you mean "anna"?' in refused.value.errors[4].remedy


def test_a_condition_that_cannot_be_answered_does_not_hold() -> None:
    view = View({"fields": {"course": "x"}, "interaction": {}, "contact": {}})
    assert not condition("fields.budget > 5.0")(view)
    assert not condition("fields.course > 5")(view)
    assert not condition("fields.course")(view)
    assert condition('fields.budget > 5.0 || fields.course == "x"')(view)


def test_rules_are_the_same_without_definitions() -> None:
    assert compile({}) == Rules()
