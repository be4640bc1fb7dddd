"""What is generated from the contract classes is committed, and says what they say."""

from pathlib import Path
from typing import Any

import yaml
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema

from contracts.asyncapi import document
from contracts.catalog import FOLDER, contracts, questions
from contracts.generate import files, write


def test_committed_files_are_what_the_classes_say() -> None:
    wanted = files()
    on_disk = {path.relative_to(FOLDER) for path in FOLDER.glob("schemas/*.json")} | {Path("asyncapi.yaml")}
    stale = [path for path in wanted.keys() & on_disk if (FOLDER / path).read_text("utf-8") != wanted[path]]
    assert (sorted(stale), sorted(wanted.keys() ^ on_disk)) == ([], []), "run `make schemas` and commit"


def test_writing_removes_the_schema_of_a_contract_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    gone = tmp_path / "schemas" / "crm.gone.v1.json"
    gone.write_text("{}")
    write(tmp_path)
    assert not gone.exists()
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")} == files().keys()


def test_asyncapi_is_read_by_another_implementation() -> None:
    text = (FOLDER / "asyncapi.yaml").read_text("utf-8")
    read = ApplicationSchema.model_validate(yaml.safe_load(text))
    assert read.asyncapi == "3.0.0"


def test_every_reference_in_asyncapi_leads_somewhere() -> None:
    whole = document()
    for target in references(whole):
        if target.startswith("#/"):
            assert resolve(whole, target), target
        else:
            assert (FOLDER / target).is_file(), target


def test_asyncapi_lists_every_contract_and_question() -> None:
    whole = document()
    addresses = {channel["address"] for channel in whole["channels"].values()}
    for contract in contracts():
        assert {contract.TYPE, f"{contract.TYPE}.{{partition}}"} & addresses
        channel = whole["channels"][contract.TYPE]
        assert channel["x-owner"] == contract.OWNER
        assert channel["x-key"]
    assert {question.TYPE for question in questions()} <= addresses


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    return [found for value in node for found in references(value)] if isinstance(node, list) else []


def resolve(whole: Any, target: str) -> Any:
    for step in target.removeprefix("#/").split("/"):
        whole = whole[step]
    return whole
