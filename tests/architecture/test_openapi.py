"""The committed OpenAPI documents show an example of everything that has to be sent and comes back."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from docs.generator.openapi import documents
from services.runtime.openapi import operations

_SERVICES = ("connectors", "deals", "hub", "leads", "notifications")
_SPEAKS_FOR_ITSELF = ("enum", "const", "default")


@cache
def described() -> dict[str, dict[str, Any]]:
    return documents()


def shown(schema: Any, schemas: dict[str, Any], within: frozenset[str] = frozenset()) -> bool:
    """Whether a schema has an example, itself or in what it is made of."""
    if not isinstance(schema, dict):
        return False
    if "example" in schema or "examples" in schema or schema.get("format") == "uuid":
        return True
    if any(word in schema for word in _SPEAKS_FOR_ITSELF):
        return True
    if name := schema.get("$ref", "").rpartition("/")[2]:
        return name not in within and shown(schemas[name], schemas, within | {name})
    parts = [part for word in ("anyOf", "allOf", "oneOf") for part in schema.get(word, ())]
    parts += [*schema.get("properties", {}).values(), schema.get("items")]
    return any(shown(part, schemas, within) for part in parts)


def without_example(operation: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    for one in operation.get("parameters", ()):
        if one["required"] and not shown(one, schemas) and not shown(one["schema"], schemas):
            yield one["name"]
    told = {"body": operation.get("requestBody", {})} | operation["responses"]
    for name, said in told.items():
        for kind, content in said.get("content", {}).items():
            wanted = kind == "application/json" and not name.startswith(("4", "5"))
            if wanted and not shown(content, schemas) and not shown(content.get("schema"), schemas):
                yield name


@pytest.mark.parametrize("service", _SERVICES)
def test_every_operation_has_examples(service: str) -> None:
    document = described()[service]
    schemas = document["components"]["schemas"]
    missing = [
        f"{path}: {name}"
        for path, operation in operations(document)
        for name in without_example(operation, schemas)
    ]
    assert missing == []


@pytest.mark.parametrize("service", _SERVICES)
def test_every_error_is_told_as_a_problem(service: str) -> None:
    document = described()[service]
    wrong = [
        f"{path}: {status}"
        for path, operation in operations(document)
        if path.startswith("/api/") and "/unsubscribe/" not in path
        for status, said in operation["responses"].items()
        if status[0] in "45" and list(said.get("content", {})) != ["application/problem+json"]
    ]
    assert wrong == []


def test_every_service_has_a_document() -> None:
    assert tuple(sorted(described())) == _SERVICES
