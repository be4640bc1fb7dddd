from pathlib import Path

import pytest

from services.hub.definitions import limits
from services.hub.definitions.findings import DefinitionsRefused, Place
from services.hub.definitions.folder import read_folder
from services.hub.definitions.load import load


def test_files_share_a_top_level_key() -> None:
    loaded = load({"a.yaml": "channels:\n  one: {kind: form}\n", "b.yaml": "channels:\n  two: {}\n"})
    assert loaded.findings == []
    assert loaded.data == {"channels": {"one": {"kind": "form"}, "two": {}}}
    assert loaded.place("channels.two.kind") == Place("b.yaml", 2)
    assert loaded.place("channels.one.kind") == Place("a.yaml", 2)


def test_a_name_in_two_files_is_refused_with_both_places() -> None:
    loaded = load({"a.yaml": "channels:\n  one: {}\n", "b.yaml": "x: 1\nchannels:\n  one: {}\n"})
    [finding] = loaded.findings
    assert finding.place == Place("b.yaml", 3)
    assert finding.path == "channels.one"
    assert "a.yaml:2" in finding.message


def test_a_list_in_two_files_is_refused_because_its_order_would_depend_on_file_names() -> None:
    [finding] = load({"a.yaml": "routing: [1]", "b.yaml": "routing: [2]"}).findings
    assert finding.place == Place("b.yaml", 1)


def test_a_place_is_found_however_the_list_is_written() -> None:
    loaded = load({"a.yaml": "routing:\n  - when: x\n  - when: y\n    to: z\n"})
    assert loaded.place("routing[1].to").line == 4
    assert loaded.place("routing.1.to").line == 4
    assert loaded.place("routing.1.missing").line == 3
    assert loaded.place("nothing.here") == Place(".", 0)


def test_a_template_brings_its_front_matter_and_its_lines() -> None:
    text = "---\nsubject: Hello\n---\n\nDear {{ contact.name }}\n"
    loaded = load({"templates/welcome/first.liquid": text})
    assert loaded.data == {
        "templates": {"welcome/first": {"subject": "Hello", "body": "\nDear {{ contact.name }}\n"}}
    }
    assert loaded.place("templates.welcome/first.subject").line == 2
    assert loaded.place("templates.welcome/first.body").line == 4


def test_a_template_without_front_matter_is_all_body() -> None:
    loaded = load({"templates/sms.liquid": "Hi\n---\nthere"})
    assert loaded.data["templates"]["sms"] == {"body": "Hi\n---\nthere"}


def test_broken_front_matter_names_the_line_of_the_file() -> None:
    [finding] = load({"templates/a.liquid": "---\nsubject: a\nsubject: b\n---\n"}).findings
    assert finding.place == Place("templates/a.liquid", 3)


def test_only_definitions_are_read_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("a.yaml", "b.yml", "README.md", ".hidden.yaml", ".git/c.yaml"):
        (tmp_path / name).write_text("x: 1")
    (tmp_path / "templates" / "t.liquid").write_text("hi")
    (tmp_path / "templates" / "notes.txt").write_text("hi")
    assert sorted(read_folder(tmp_path)) == ["a.yaml", "b.yml", "templates/t.liquid"]


def test_a_folder_that_is_missing_or_empty_or_unreadable_is_refused_with_a_remedy(
    tmp_path: Path,
) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DefinitionsRefused) as refused:
            read_folder(folder)
        assert refused.value.findings[0].remedy
    (tmp_path / "latin.yaml").write_bytes("a: é".encode("latin-1"))
    (tmp_path / "huge.yaml").write_text("#" * (limits.FILE_BYTES + 1))
    with pytest.raises(DefinitionsRefused) as refused:
        read_folder(tmp_path)
    assert [finding.file for finding in refused.value.findings] == ["huge.yaml", "latin.yaml"]


def test_too_much_text_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(DefinitionsRefused):
        load({f"{n}.yaml": "" for n in range(limits.FILES + 1)})
    with pytest.raises(DefinitionsRefused):
        load({"a.yaml": "#" * (limits.FILE_BYTES + 1)})
