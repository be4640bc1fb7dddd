from pathlib import Path

import pytest

from services.hub.definitions.check import Checked, check
from services.hub.definitions.findings import DefinitionsRefused, Finding, Place
from services.hub.definitions.folder import read_folder
from services.hub.definitions.parts import owners
from services.hub.settings import EXAMPLE
from tests.hub.definitions import wrong_folder


def findings(texts: dict[str, str]) -> list[Finding]:
    with pytest.raises(DefinitionsRefused) as refused:
        check(texts)
    return refused.value.findings


def test_the_example_has_no_mistakes() -> None:
    checked = check(read_folder(EXAMPLE))
    assert set(checked.parts) == {"connectors", "leads", "deals", "notifications"}
    assert "channels: 4" in checked.summary()


def test_ten_different_mistakes_are_all_named_with_file_line_and_remedy(tmp_path: Path) -> None:
    places = wrong_folder.make(tmp_path)
    found = findings(read_folder(tmp_path))
    told = "\n".join(f"{f.place} {f.path}: {f.message} -> {f.remedy}" for f in found)
    for (file, line), (_, _, _, message, remedy) in zip(places, wrong_folder.MISTAKES, strict=True):
        assert [
            finding
            for finding in found
            if (finding.file, finding.line) == (file, line)
            and message in f"{finding.path} {finding.message}"
            and remedy in finding.remedy
        ], f"{file}:{line} {message}\n{told}"
    assert len(found) == len(places), told


def test_an_unknown_top_level_key_names_the_nearest() -> None:
    [finding] = findings({"a.yaml": "\nchanels:\n  one: {kind: form}\n"})
    assert (finding.place, finding.path) == (Place("a.yaml", 2), "chanels")
    assert finding.remedy == 'Did you mean "channels"?'


def test_a_name_of_another_part_is_looked_up() -> None:
    stages = "    stages:\n      - name: new\n        on_enter:\n          - enrol: {sequence: hi}\n"
    [finding] = findings({"funnels.yaml": f"funnels:\n  reach:\n{stages}"})
    assert finding.place == Place("funnels.yaml", 6)
    assert finding.message == 'there is no sequence "hi"'
    assert "sequences:" in finding.remedy


def test_a_broken_file_does_not_hide_the_mistakes_of_the_others() -> None:
    found = findings({"a.yaml": "channels: [", "b.yaml": "team:\n  anna: {nam: Anna}\n"})
    assert {finding.file for finding in found} == {"a.yaml", "b.yaml"}


def version(texts: dict[str, str]) -> str:
    checked: Checked = check(texts)
    return checked.version


def test_the_version_is_the_content_and_nothing_else() -> None:
    together = {"a.yaml": "team:\n  anna: {name: Anna}\n  ben: {name: Ben}\n"}
    apart = {
        "x.yaml": "# people\nteam:\n  anna: {name: Anna}\n",
        "y.yaml": "team:\n  ben: {name: Ben}\n",
    }
    assert version(together) == version(apart)
    assert version(together) != version({"a.yaml": "team:\n  ben: {name: Ben}\n  anna: {name: Anna}\n"})
    assert version(together) != version({"a.yaml": "team:\n  anna: {name: Ann}\n  ben: {name: Ben}\n"})


def test_an_empty_set_is_a_set() -> None:
    assert check({"a.yaml": "# nothing\n"}).parts == {owner.service: {} for owner in owners()}


def test_no_key_has_two_owners() -> None:
    keys = [key for owner in owners() for key in owner.keys]
    assert len(keys) == len(set(keys))


def test_what_does_not_fit_into_one_message_is_refused() -> None:
    text = "x" * 150_000
    files = {f"templates/t{n}.liquid": f"---\nsubject: s\n---\n{text}" for n in range(6)}
    files["senders.yaml"] = "senders: {default: {from: a@school.example}}\n"
    assert check(files).version
    many = {f"templates/t{n}.liquid": "---\nsubject: s\n---\n" + "ж" * 60_000 for n in range(6)}
    assert "1000000 are the most" in findings(many)[0].message
