"""The gate refuses every kind of breaking change and lets the harmless ones through."""

import copy
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, create_model

from contracts.catalog import Schema, schema_of, schemas
from contracts.compatibility import breaks, check, released
from contracts.contract import Command, Fact, Model, Standing
from contracts.generate import release


class Part(Model):
    kind: str
    size: int = 0


class Happened(Fact):
    TYPE: ClassVar[str] = "crm.things.happened.v1"
    OWNER: ClassVar[str] = "leads"
    STANDING: ClassVar[Standing] = "change"

    thing_id: UUID
    other_id: UUID
    name: str = Field(min_length=1, max_length=40)
    state: Literal["new", "old"] = "new"
    count: int = Field(default=0, ge=0)
    note: str | None = None
    parts: list[Part] = Field(default_factory=list)
    fields: dict[str, str] = Field(default_factory=dict)
    happened_at: datetime

    def key(self) -> str:
        return str(self.thing_id)


class DoThing(Command):
    TYPE: ClassVar[str] = "do.leads.thing.v1"
    OWNER: ClassVar[str] = "leads"

    thing_id: UUID
    state: Literal["new", "old"] = "new"
    name: str = Field(max_length=40)
    parts: list[Part] = Field(default_factory=list)

    def key(self) -> str:
        return str(self.thing_id)


def changed(base: type[Any], without: str = "", **fields: Any) -> Schema:
    """The schema of `base` with fields added or replaced, and one taken out."""
    schema = copy.deepcopy(schema_of(base))
    if without:
        del schema["properties"][without]
        schema["required"] = [name for name in schema["required"] if name != without]
    extra: type[BaseModel] = create_model("Extra", **fields)
    mode: Literal["validation", "serialization"] = "serialization" if issubclass(base, Fact) else "validation"
    more = extra.model_json_schema(mode=mode)
    schema["properties"] |= more["properties"]
    kept = [name for name in schema["required"] if name not in fields]
    schema["required"] = kept + more.get("required", [])
    schema["$defs"] = schema.get("$defs", {}) | more.get("$defs", {})
    return schema


class PartWithoutSize(Model):
    kind: str


class PartWithMore(Model):
    kind: str
    size: int = 0
    colour: str | None = None


BREAKING: dict[str, tuple[str, dict[str, Any]]] = {
    "field removed": ("note", {}),
    "field renamed": ("note", {"remark": (str | None, None)}),
    "required field removed": ("name", {}),
    "new required field": ("", {"colour": (str, ...)}),
    "optional field made required": ("", {"note": (str | None, ...)}),
    "field may no longer be null": ("", {"note": (str, "")}),
    "enum narrowed": ("", {"state": (Literal["new"], "new")}),
    "type narrowed": ("", {"name": (Literal["a"], ...)}),
    "type changed": ("", {"parts": (dict[str, Part], {})}),
    "lower bound raised": ("", {"count": (int, Field(default=0, ge=1))}),
    "upper bound lowered": ("", {"name": (str, Field(min_length=1, max_length=20))}),
    "bound added": ("", {"count": (int, Field(default=0, ge=0, le=9))}),
    "pattern added": ("", {"name": (str, Field(min_length=1, max_length=40, pattern="^a"))}),
    "format added": ("", {"note": (UUID | None, None)}),
    "default changed": ("", {"state": (Literal["new", "old"], "old")}),
    "nested field removed": ("", {"parts": (list[PartWithoutSize], [])}),
    "free fields replaced by fixed ones": ("", {"fields": (PartWithoutSize | None, None)}),
    "values of free fields narrowed": ("", {"fields": (dict[str, Literal["a"]], {})}),
}
ONLY_FOR_FACTS: dict[str, tuple[str, dict[str, Any]]] = {
    "enum widened": ("", {"state": (Literal["new", "old", "lost"], "new")}),
    "required field made optional": ("", {"name": (str, "")}),
    "field may now be null": ("", {"name": (str | None, ...)}),
    "type widened": ("", {"name": (str | int, ...)}),
    "upper bound raised": ("", {"name": (str, Field(max_length=400))}),
}
HARMLESS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "new optional field": {"colour": (str | None, None)},
    "new field with a default": {"colour": (Literal["red", "blue"], "red")},
    "new optional nested field": {"parts": (list[PartWithMore], [])},
    "new description": {"note": (str | None, Field(default=None, description="More words."))},
}


@pytest.mark.parametrize("case", BREAKING)
def test_a_breaking_change_of_a_fact_is_refused(case: str) -> None:
    without, fields = BREAKING[case]
    assert breaks("fact", schema_of(Happened), changed(Happened, without, **fields))


@pytest.mark.parametrize("case", ONLY_FOR_FACTS)
def test_what_readers_of_a_fact_never_met_is_refused(case: str) -> None:
    without, fields = ONLY_FOR_FACTS[case]
    found = breaks("fact", schema_of(Happened), changed(Happened, without, **fields))
    assert any("readers of the old schema" in str(problem) for problem in found)


@pytest.mark.parametrize("case", HARMLESS)
def test_a_harmless_change_of_a_fact_passes(case: str) -> None:
    assert breaks("fact", schema_of(Happened), changed(Happened, **HARMLESS[case])) == []


@pytest.mark.parametrize(
    ("without", "fields"),
    [
        ("name", {}),
        ("", {"colour": (str, ...)}),
        ("", {"state": (Literal["new"], "new")}),
        ("", {"name": (str, Field(max_length=9))}),
    ],
)
def test_a_breaking_change_of_a_command_is_refused(without: str, fields: dict[str, Any]) -> None:
    assert breaks("command", schema_of(DoThing), changed(DoThing, without, **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"colour": (str | None, None)},
        {"state": (Literal["new", "old", "lost"], "new")},
        {"name": (str, Field(default="", max_length=40))},
        {"name": (str | None, Field(max_length=400))},
    ],
)
def test_a_command_may_accept_more_than_before(fields: dict[str, Any]) -> None:
    assert breaks("command", schema_of(DoThing), changed(DoThing, **fields)) == []


@pytest.mark.parametrize(
    "declaration",
    [
        {"x-key": "{other_id}"},
        {"x-owner": "deals"},
        {"x-stream": "CRM_DEALS"},
        {"x-standing": "snapshot"},
        {"x-entity": "{other_id}"},
        {"x-kind": "command"},
    ],
    ids=str,
)
def test_another_key_owner_stream_or_class_is_refused(declaration: Schema) -> None:
    found = breaks("fact", schema_of(Happened), schema_of(Happened) | declaration)
    assert len(found) == 1
    assert next(iter(declaration)).removeprefix("x-") in str(found[0])


def test_a_released_contract_may_not_go_and_a_new_one_may_come() -> None:
    old = {"crm.things.happened.v1": schema_of(Happened)}
    assert [problem.contract for problem in check(old, {})] == ["crm.things.happened.v1"]
    assert check(old, old | {"crm.things.happened.v2": changed(Happened, "note")}) == []


def test_a_schema_that_contains_itself_is_compared_once() -> None:
    tree: Schema = {"$ref": "#/$defs/Tree", "$defs": {"Tree": {"type": "object", "properties": {}}}}
    tree["$defs"]["Tree"]["properties"]["branches"] = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
    smaller = copy.deepcopy(tree)
    assert breaks("tree", tree, smaller) == []
    del smaller["$defs"]["Tree"]["properties"]["branches"]
    assert [problem.path for problem in breaks("tree", tree, smaller)] == ["branches"]


def test_a_break_names_the_contract_the_field_and_the_remedy() -> None:
    found = breaks("crm.things.happened.v1", schema_of(Happened), changed(Happened, "note"))
    assert [str(problem) for problem in found] == [
        "crm.things.happened.v1: note is no longer known (removed or renamed). "
        "Leave it as released, or add a new version beside it."
    ]


def test_a_release_that_breaks_the_last_one_moves_no_baseline(tmp_path: Path) -> None:
    assert release(tmp_path) == []
    assert released(tmp_path) == schemas()
    kept = tmp_path / "crm.leads.captured.v1.json"
    text = kept.read_text().replace('"title"', '"headline"')
    kept.write_text(text)
    assert release(tmp_path) != []
    assert kept.read_text() == text


def test_the_contracts_of_today_break_nothing_that_was_released() -> None:
    assert released(), "the baseline is missing: python -m contracts.generate --release"
    assert [str(problem) for problem in check(released(), schemas())] == []
