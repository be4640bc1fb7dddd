"""The reference of the definitions, and their JSON Schema for editors, from the models that read them."""

import importlib
from typing import Any

from pydantic import BaseModel

from docs.generator.tables import code, kind_of, shown, table
from services.notifications.content.liquid import KNOWN

MODELS = {
    "connectors": "services.connectors.definitions.models:Definitions",
    "leads": "services.leads.definitions.models:WrittenLeads",
    "deals": "services.deals.definitions.models:WrittenDeals",
    "notifications": "services.notifications.definitions.models:WrittenNotifications",
}
ABOUT = """# Definitions, key by key

A definition set is a folder of YAML files. Any file may hold any of the top-level keys below; the folder is
read as one. What each is for, with examples: [the guide](../definitions.md). For completion in an editor, put
this line at the top of a file:
`# yaml-language-server: $schema=<path to>/docs/reference/definitions.schema.json`.
"""


def page() -> str:
    """Top-level keys, then every kind of mapping in them."""
    text = ABOUT
    for service, model in models().items():
        schema = model.model_json_schema()
        inner = schema.get("$defs", {})
        text += f"\n## Read by {service}\n\n{fields(schema)}"
        text += "".join(
            f"\n### {name}\n\n{one.get('description', '').strip()}\n\n{fields(one)}"
            for name, one in sorted(inner.items())
            if one.get("properties")
        )
    known = ((code(name), meaning) for name, meaning in KNOWN.items())
    return text + "\n## What a letter may use\n\n" + table(("Variable", "Meaning"), known)


def schema() -> dict[str, Any]:
    """One JSON Schema over all keys of all services."""
    whole: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Leadwire definitions",
        "type": "object",
        "additionalProperties": False,
        "properties": {},
        "$defs": {},
    }
    for service, model in models().items():
        # Two services may call different things alike.
        part = model.model_json_schema(ref_template=f"#/$defs/{service}.{{model}}")
        whole["properties"] |= part["properties"]
        whole["$defs"] |= {f"{service}.{name}": one for name, one in part.get("$defs", {}).items()}
    return whole


def models() -> dict[str, type[BaseModel]]:
    """The model of each service's part."""
    found = {}
    for service, place in MODELS.items():
        module, _, name = place.partition(":")
        found[service] = getattr(importlib.import_module(module), name)
    return found


def fields(schema: dict[str, Any]) -> str:
    """The fields of one mapping."""
    required = schema.get("required", [])
    return table(
        ("Key", "Value", "Default", "Meaning"),
        (
            (code(name), kind_of(field), default_of(name in required, field), field.get("description", ""))
            for name, field in schema.get("properties", {}).items()
        ),
    )


def default_of(required: bool, field: dict[str, Any]) -> str:
    """What holds when the key is left out."""
    if required:
        return "required"
    return shown(field.get("default"))
