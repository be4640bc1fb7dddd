"""Samples are messages as once published: added, never edited. Today's code must read them all."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from contracts.catalog import FOLDER, contracts, questions, schemas
from contracts.contract import Contract, plain, subject_of
from contracts.envelope import Envelope, decode
from contracts.questions import Question

SCHEMAS = schemas()
REGISTRY: Registry[Any] = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()
)
BY_TYPE: dict[str, type[Contract]] = {contract.TYPE: contract for contract in contracts()}
FILES = sorted((FOLDER / "samples").glob("*.json"))
FROM_OUTSIDE = [path for path in FILES if path.stem.startswith("envelope__")]
OF_CONTRACTS = [path for path in FILES if path.stem.split("__")[0] in BY_TYPE]


def sample(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def holds(now: Any, then: Any) -> bool:
    """Whether everything published then is there now; fields may have been added at any depth."""
    if isinstance(then, dict) and isinstance(now, dict):
        return all(name in now and holds(now[name], value) for name, value in then.items())
    if isinstance(then, list) and isinstance(now, list):
        return len(now) == len(then) and all(map(holds, now, then))
    return bool(now == then)


def refused(name: str, body: object) -> list[str]:
    validator = Draft202012Validator(SCHEMAS[name], registry=REGISTRY, format_checker=FormatChecker())
    return [f"{error.json_path} {error.message}" for error in validator.iter_errors(body)]


def test_every_schema_has_a_sample() -> None:
    sampled = {path.stem.split("__")[0] for path in FILES}
    assert sampled == SCHEMAS.keys(), "add contracts/samples/<type>__<case>.json for each that is missing"


@pytest.mark.parametrize("path", OF_CONTRACTS, ids=lambda path: path.stem)
def test_todays_code_reads_a_sample_and_would_publish_it_alike(path: Path) -> None:
    published = sample(path)
    envelope = decode(json.dumps(published["body"]).encode())
    contract = BY_TYPE[envelope.type].model_validate(envelope.data)

    assert holds(plain(contract), published["body"]["data"])
    assert envelope.subject == contract.entity()
    assert subject_of(contract) == published["subject"]
    assert envelope.headers(contract.key()) == published["headers"]


@pytest.mark.parametrize("path", OF_CONTRACTS, ids=lambda path: path.stem)
def test_a_sample_obeys_the_schemas_that_outsiders_are_given(path: Path) -> None:
    body = sample(path)["body"]
    assert refused("envelope", body) == []
    assert refused(body["type"], body["data"]) == []


@pytest.mark.parametrize("question", questions(), ids=lambda question: question.__name__)
def test_questions_and_answers_have_readable_samples(question: type[Question]) -> None:
    name = question.TYPE.replace("{service}.", "")
    for end, model in (("question", question), ("answer", question.ANSWER)):
        for path in (FOLDER / "samples").glob(f"{name}.{end}__*.json"):
            body = sample(path)["body"]
            assert model.model_validate(body).model_dump(mode="json").items() >= body.items()
            assert refused(f"{name}.{end}", body) == []


@pytest.mark.parametrize("path", FROM_OUTSIDE, ids=lambda path: path.stem)
def test_an_event_of_an_outside_system_is_read(path: Path) -> None:
    body = sample(path)["body"]
    envelope = decode(json.dumps(body).encode())
    assert isinstance(envelope, Envelope)
    assert envelope.type == body["type"]
    assert envelope.data == body.get("data", {})
    assert refused("envelope", body) == []
