import pytest

from services.notifications.content.liquid import (
    _HTML,
    EMPTY,
    KNOWN,
    SAMPLE,
    TemplateFailed,
    fields_in,
    flaws,
    render,
)

EVIL = "<script>alert(1)</script>"


def test_a_template_with_known_variables_has_no_flaws() -> None:
    assert flaws("{{ contact.first_name | default: 'there' }} {{ contact.fields.course }}") == []
    assert flaws("{% for f in contact.fields %}{{ f[0] }}: {{ f[1] }}{% endfor %}") == []
    assert flaws("{% assign x = contact.name %}{{ x | upcase }}{{ contact.name.size }}") == []


def test_every_known_variable_can_be_used_and_is_in_the_samples() -> None:
    for name in KNOWN:
        assert flaws("{{ " + name + " }}") == []
        assert render("{{ " + name + " }}", SAMPLE)


def test_an_unknown_variable_is_refused_with_its_line_and_the_known_ones() -> None:
    [flaw] = flaws("Hello\n{{ contact.nmae }}")
    assert (flaw.line, flaw.message) == (2, "contact.nmae is not known here")
    assert flaw.remedy.startswith("Did you mean contact.name?")
    assert "unsubscribe_url" in flaw.remedy


@pytest.mark.parametrize(
    ("source", "about"),
    [
        ("{{ contact }}", "contact is not known"),
        ("{{ deal.amount }}", "deal.amount"),
        ("{{ contact.name | shout }}", "no filter shout"),
        ("{{ contact.name | safe }}", "no filter safe"),
        ("{% include 'x' %}", "unexpected tag"),
        ("{% render 'x' %}", "unexpected tag"),
        ("{{ contact.name", "expected"),
        ("{{ contact.name | date: 3 }}", "fails for"),
        ("{% for i in (1..99999999) %}x{% endfor %}", "fails for"),
    ],
)
def test_what_cannot_work_is_refused(source: str, about: str) -> None:
    assert about in flaws(source)[0].message


def test_values_are_escaped_in_html_and_left_alone_in_text() -> None:
    values = {**SAMPLE, "contact": {**SAMPLE["contact"], "name": EVIL}}
    assert render("{{ contact.name }}", values) == EVIL
    assert "<" not in render("{{ contact.name }}", values, html=True)


@pytest.mark.parametrize("name", sorted(_HTML.filters))
def test_no_filter_lets_markup_of_a_contact_into_html(name: str) -> None:
    arguments = ["", ": 'x'", ": 1", ": 0, 200", ": 'x', 'y'"]
    for argument in arguments:
        for value in (EVIL, [EVIL], "PHNjcmlwdD4="):
            values = {**SAMPLE, "contact": {**SAMPLE["contact"], "name": value}}
            try:
                shown = render("{{ contact.name | " + name + argument + " }}", values, html=True)
            except TemplateFailed:
                continue
            assert "<script" not in shown, argument


def test_a_contact_of_whom_nothing_is_known_renders_as_nothing() -> None:
    assert render("[{{ contact.name }}{{ contact.fields.course }}]", EMPTY) == "[]"


def test_a_template_in_a_name_stays_text() -> None:
    values = {**SAMPLE, "contact": {**SAMPLE["contact"], "name": "{{ contact.email }}{% raw %}"}}
    assert render("Hi {{ contact.name }}", values) == "Hi {{ contact.email }}{% raw %}"


def test_the_fields_a_template_names_are_found() -> None:
    source = "{{ contact.fields.course }}{% if contact.fields['Which day'] %}{% endif %}{{ contact.name }}"
    assert fields_in(source) == ["Which day", "course"]
    assert fields_in("{{ broken") == []
