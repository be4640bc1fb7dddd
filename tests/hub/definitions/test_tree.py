import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.hub.definitions.findings import Path
from services.hub.definitions.tree import Tree, parse

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
KEYS = TEXT.filter(lambda text: text != "<<")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda n: float(f"{n:.3f}")),
    TEXT,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def paths_of(value: Any, path: Path = ()) -> list[Path]:
    found = [path]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += paths_of(inner, (*path, key))
    if isinstance(value, list):
        for n, inner in enumerate(value):
            found += paths_of(inner, (*path, n))
    return found


def at(tree: Tree, *path: str | int) -> int:
    return tree.places[path].line


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_json_is_read_back_as_it_was_and_every_value_has_a_place(data: dict[str, Any]) -> None:
    tree = parse("a.yaml", json.dumps(data, indent=1, ensure_ascii=False))
    assert tree.findings == []
    assert tree.data == data
    assert set(tree.places) >= set(paths_of(data)) - {()}


@given(st.text(max_size=200))
def test_any_text_gives_plain_data_or_findings_with_a_line_of_the_file(text: str) -> None:
    tree = parse("a.yaml", text)
    json.dumps(tree.data, allow_nan=False).encode()
    lines = len(text.splitlines()) + 1
    assert all(0 <= finding.line <= lines and finding.remedy for finding in tree.findings)


@given(st.lists(KEYS, min_size=2, max_size=6, unique=True), st.data())
def test_a_key_written_twice_is_refused_with_both_lines(names: list[str], data: st.DataObject) -> None:
    repeated = data.draw(st.sampled_from(names))
    written = [f"{json.dumps(name, ensure_ascii=False)}: 1" for name in [*names, repeated]]
    [finding] = parse("a.yaml", "\n".join(written)).findings
    assert finding.line == len(names) + 1
    assert f"first on line {names.index(repeated) + 1}" in finding.message


def test_what_people_write_stays_what_they_wrote() -> None:
    tree = parse("a.yaml", "on: 10:00\nno: yes\nphone: 0049\nday: 2026-01-05\nn: 0\nf: .5\nt: true")
    assert tree.data == {
        "on": "10:00",
        "no": "yes",
        "phone": "0049",
        "day": "2026-01-05",
        "n": 0,
        "f": 0.5,
        "t": True,
    }


def test_anchors_and_merge_keys_work_and_what_is_written_wins() -> None:
    tree = parse("a.yaml", "a: &d {x: 1, y: 2}\nb:\n  <<: *d\n  y: 3\nc: *d\n")
    assert tree.findings == []
    assert tree.data["b"] == {"x": 1, "y": 3}
    assert tree.data["c"] == {"x": 1, "y": 2}
    assert at(tree, "b", "y") == 4
    assert at(tree, "b", "x") == 1


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [ls]",
        "a: !!python/name:os.system x",
        "a: !secret x",
        "a: !!binary aGk=",
        "a: !!timestamp 2026-01-01",
        "a: !!set {x}",
    ],
)
def test_tags_are_refused(text: str) -> None:
    [finding] = parse("a.yaml", text).findings
    assert (finding.line, finding.path) == (1, "a")
    assert "is not allowed" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "a: " + "[" * 60 + "]" * 60,
        "a: " + "{b: " * 60 + "1" + "}" * 60,
        "a: " + "[" * 20_000,
        "\n".join(
            ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
            + [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
        ),
    ],
    ids=["holds itself", "deep list", "deep mapping", "endless", "alias bomb"],
)
def test_what_would_never_end_is_refused(text: str) -> None:
    tree = parse("a.yaml", text)
    assert tree.findings
    assert tree.data == {}


@pytest.mark.parametrize(
    "text",
    [
        "a: 1.0e999",
        "a: 99999999999999999999",
        "a: !!int x",
        'a: "\\0"',
        "1: a",
        "true: a",
        "? [a]\n: b",
        "- a",
        "a",
        "a: 1\n---\nb: 2",
        "a: [1\nb: 2",
        "a:\n\t- b",
    ],
)
def test_a_mistake_names_a_line_and_a_remedy(text: str) -> None:
    findings = parse("a.yaml", text).findings
    assert findings
    assert all(finding.line and finding.remedy for finding in findings)


def test_an_empty_file_is_an_empty_set() -> None:
    assert parse("a.yaml", "# nothing yet\n").data == {}


def test_the_fast_parser_of_the_wheel_is_used() -> None:
    assert yaml.__with_libyaml__
