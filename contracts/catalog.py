"""Every contract and question, and what each says of itself, for tools that list them."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from contracts.contract import Command, Contract, Fact, known, stream_of
from contracts.envelope import Envelope
from contracts.questions import Question

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]
FOLDER = Path(__file__).parent
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles that pydantic derives from field names; they say nothing new."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


def contracts() -> list[type[Contract]]:
    """Every fact and command of this package, by type."""
    for module in pkgutil.iter_modules([str(FOLDER)]):
        if not module.name.startswith("__"):
            importlib.import_module(f"contracts.{module.name}")
    ours = (c for c in known().values() if c.__module__.startswith("contracts."))
    return sorted(ours, key=lambda contract: contract.TYPE)


def questions() -> list[type[Question]]:
    """Every question of this package, by type."""
    ours = (q for q in Question.__subclasses__() if q.__module__.startswith("contracts."))
    return sorted(ours, key=lambda question: question.TYPE)


def pattern_of(contract: type[Contract], what: Literal["key", "entity"]) -> str:
    """How the key or the entity is made from the fields, such as `{contact_id}`."""
    placeholders: dict[str, Any] = {name: f"{{{name}}}" for name in contract.model_fields}
    named = contract.model_construct(**placeholders)
    return named.key() if what == "key" else named.entity()


def schema_of(contract: type[Contract]) -> Schema:
    """A contract's JSON Schema: what a fact is written as, or what a command is accepted as."""
    wire: Schema = {
        "x-kind": "command" if issubclass(contract, Command) else "fact",
        "x-owner": contract.OWNER,
        "x-stream": stream_of(contract),
        "x-key": pattern_of(contract, "key"),
        "x-entity": pattern_of(contract, "entity"),
    }
    if issubclass(contract, Fact):
        wire["x-standing"] = contract.STANDING
        return _schema(contract.TYPE, contract, "serialization") | wire
    return _schema(contract.TYPE, contract, "validation") | wire


def schemas() -> dict[str, Schema]:
    """Every JSON Schema of this package by file name, without its suffix."""
    found = {contract.TYPE: schema_of(contract) for contract in contracts()}
    for question in questions():
        name = question.TYPE.replace("{service}.", "")
        asked = _schema(f"{name}.question", question, "validation")
        told = _schema(f"{name}.answer", question.ANSWER, "serialization")
        found[f"{name}.question"] = asked | {"x-kind": "question"}
        found[f"{name}.answer"] = told | {"x-kind": "answer"}
    envelope = _schema("envelope", Envelope, "validation")
    return found | {"envelope": envelope | {"x-kind": "envelope"}}


def _schema(name: str, model: type[BaseModel], mode: Mode) -> Schema:
    body = model.model_json_schema(mode=mode, schema_generator=_Untitled)
    return {"$schema": DIALECT, "$id": f"urn:leadwire:schema:{name}"} | body
