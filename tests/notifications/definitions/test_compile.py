from copy import deepcopy
from typing import Any

import pytest

from services.notifications.definitions import KEYS, compile, names, references
from services.runtime.definitions import DefinitionError, DefinitionErrors
from tests.notifications.samples import PART


def mistakes(part: dict[str, Any]) -> list[DefinitionError]:
    with pytest.raises(DefinitionErrors) as refused:
        compile(part)
    return refused.value.errors


def changed(path: str, value: Any) -> dict[str, Any]:
    """The sample definitions with one thing changed; a path such as `sequences.welcome.steps.0.at`."""
    part = deepcopy(PART)
    *steps, last = path.split(".")
    place: Any = part
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    return part


def test_nothing_at_all_is_a_part_without_sequences() -> None:
    assert compile({}).sequences == {}


def test_a_sequence_is_read_with_its_defaults() -> None:
    rules = compile(PART)
    first, second = rules.sequences["welcome"].steps
    assert (first.rule, first.unknown, first.late_after.total_seconds()) == ("0m", "never", 12 * 3600)
    assert (second.rule, second.delay.days) == ("1d at 10:00", 1)
    assert rules.sender_of(rules.sequences["welcome"]).address == "hello@school.example"


def test_a_template_from_a_file_has_its_text_under_body() -> None:
    rules = compile(changed("templates.later", {"subject": "See you", "body": "Come."}))
    assert rules.templates["later"].text == "Come."


def test_other_parts_may_refer_to_sequences_templates_and_senders() -> None:
    assert names(PART)["sequence"] == set(PART["sequences"])
    assert names(PART)["template"] == {"now", "later"}
    assert set(PART) == KEYS
    assert names({"sequences": 7}) == {"sequence": set(), "template": set(), "sender": set()}


def test_the_fields_that_templates_use_must_be_known_to_leads() -> None:
    part = changed("templates.now.text", "{{ contact.fields.course }} {{ contact.fields['Which day'] }}")
    found = [(one.path, one.kind, one.name) for one in references(part)]
    assert found == [
        ("templates.now.text", "field", "Which day"),
        ("templates.now.text", "field", "course"),
    ]


STEP = "sequences.welcome.steps"


@pytest.mark.parametrize(
    ("path", "value", "where", "about", "remedy"),
    [
        ("sequences.welcome.titel", "x", "sequences.welcome.titel", "no key", 'Did you mean "title"?'),
        ("sequences.welcome.steps", [], "sequences.welcome.steps", "at least 1", "Add at least one."),
        (f"{STEP}.1.at", "25:00", f"{STEP}[1].at", "no time", "10:00"),
        (f"{STEP}.1.after", "soon", f"{STEP}[1].after", "no delay", "30m"),
        (
            "sequences.welcome.steps.0.late_after",
            "x",
            "sequences.welcome.steps[0].late_after",
            "no delay",
            "30m",
        ),
        (f"{STEP}.0.template", "nwo", f"{STEP}[0].template", "nwo", '"now"'),
        (
            "sequences.welcome.steps.1.name",
            "thanks",
            "sequences.welcome.steps[1].name",
            "twice",
            "of its own",
        ),
        (
            "sequences.welcome.steps.0.name",
            "A b",
            "sequences.welcome.steps[0].name",
            "cannot be a name",
            "a-z",
        ),
        (f"{STEP}.0.unknown", "x", f"{STEP}[0].unknown", "'never'", "named"),
        ("sequences.welcome.sender", "x", "sequences.welcome.sender", "no sender", "default"),
        ("sequences.welcome.zone", "Mars", "sequences.welcome.zone", "no time zone", "Europe/Berlin"),
        ("sequences.welcome.stop_on", ["x"], "sequences.welcome.stop_on[0]", "replied", "named"),
        ("senders.default.from", "nobody", "senders.default.from", "no address", "hello@school.example"),
        ("senders.default.reply_to", "x", "senders.default.reply_to", "no address", "hello@school.example"),
        ("templates.now.subject", "{{ x }}", "templates.now.subject", "x is not known", "contact.name"),
        ("templates.now.text", "a\n{{ x }}", "templates.now.text", "line 2 of text", "contact.name"),
        ("templates.now.html", "{% if %}", "templates.now.html", "expression", "syntax"),
        ("templates.now", {"subject": "x"}, "templates.now", "text is missing", "front matter"),
        ("templates.now.body", "again", "templates.now", "two texts", "front matter"),
        ("templates.now.text", 5, "templates.now.text", "string", "quotes"),
        ("senders.default", {}, "senders.default", '"from" is missing', "Name and address"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_remedy(
    path: str, value: Any, where: str, about: str, remedy: str
) -> None:
    [mistake] = mistakes(changed(path, value))
    assert mistake.path == where
    assert about in mistake.message
    assert remedy in mistake.remedy


def test_a_name_that_is_none_is_refused() -> None:
    part = {**PART, "senders": {**PART["senders"], "Big Boss": {"from": "a@b.example"}}}
    assert "cannot be a name" in mistakes(part)[0].message


def test_all_mistakes_are_told_at_once() -> None:
    part = changed("sequences.welcome.zone", "Mars")
    part["templates"]["now"]["subject"] = "{{ x }}"
    part["senders"]["default"]["from"] = "nobody"
    assert len(mistakes(part)) == 3


def test_no_senders_at_all_says_how_to_add_one() -> None:
    part = {**PART, "senders": {}}
    assert {mistake.remedy for mistake in mistakes(part)} == {
        'Add senders: default: with from: "Name <address>".'
    }
