"""Markdown tables, and how a value's type is told to people."""

from collections.abc import Iterable, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table with its line break."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell(text) for text in line) + " |\n" for line in lines)


def cell(text: str) -> str:
    """Text that keeps the table whole."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """Text set as code, or nothing."""
    return f"`{text}`" if text else ""


def kind_of(schema: dict[str, Any]) -> str:
    """What may be written there, in a few words."""
    if "$ref" in schema:
        return f"[{name_of(schema)}](#{name_of(schema).lower()})"
    if "enum" in schema:
        return " or ".join(code(str(value)) for value in schema["enum"])
    if "const" in schema:
        return code(str(schema["const"]))
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(kind_of(one) for one in options if one.get("type") != "null"))
    return _plain(schema) + _bounds(schema)


def name_of(schema: dict[str, Any]) -> str:
    """The model that a reference leads to."""
    return str(schema["$ref"]).rsplit("/", 1)[-1]


def _plain(schema: dict[str, Any]) -> str:
    match schema.get("type"):
        case "array":
            return f"list of {kind_of(schema.get('items', {}))}"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"name: {kind_of(schema['additionalProperties'])}"
        case "object" if patterns := schema.get("patternProperties"):
            return f"name: {kind_of(next(iter(patterns.values())))}"
        case "object":
            return "mapping"
        case "boolean":
            return "true or false"
        case "integer":
            return "whole number"
        case "string":
            return "text"
        case None:
            return "anything"
        case other:
            return str(other)


def _bounds(schema: dict[str, Any]) -> str:
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    if least is not None and most is not None:
        return f", {least} to {most}"
    if least is not None:
        return f", from {least}" if "minimum" in schema else f", above {least}"
    return f", up to {most}" if most is not None else ""


def shown(default: object) -> str:
    """A default as people would write it, or nothing."""
    if default in (None, "", (), [], {}):
        return ""
    return code(str(default).lower() if isinstance(default, bool) else str(default))
