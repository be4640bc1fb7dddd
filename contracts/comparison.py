"""Would a reader who follows one JSON Schema refuse what a writer who follows another may write?

Covers the part of JSON Schema 2020-12 that pydantic emits; any other keyword must be equal on both sides.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
Refusal = tuple[str, str]

LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
PROSE = {"title", "description", "examples", "deprecated", "default", "$schema", "$id", "$defs"}
OBJECT = {"properties", "required", "additionalProperties"}
STRUCTURE = OBJECT | {"type", "enum", "const", "anyOf", "oneOf", "items"}
EVERY_TYPE = {"string", "number", "integer", "boolean", "null", "array", "object"}


def refusals(reader: Schema, writer: Schema, *, closed: bool) -> list[Refusal]:
    """(path, why) for each way the reader may refuse a document of the writer.

    `closed` lets the reader know no field but its own, so that a field it has lost is a refusal.
    """
    comparison = _Comparison(reader.get("$defs", {}), writer.get("$defs", {}), closed)
    return list(comparison.node(reader, writer, ""))


class _Comparison:
    def __init__(self, reader_defs: Schema, writer_defs: Schema, closed: bool) -> None:
        self.reader_defs = reader_defs
        self.writer_defs = writer_defs
        self.closed = closed
        self.under_way: list[tuple[str, str]] = []

    def node(self, reader: Schema, writer: Schema, path: str) -> Iterator[Refusal]:
        """Compare two schemas at one place; a pair that contains itself is compared once."""
        pair = (reader.get("$ref", ""), writer.get("$ref", ""))
        if pair in self.under_way:
            return
        if all(pair):
            self.under_way.append(pair)
        yield from self.resolved(reader, writer, path)
        if all(pair):
            self.under_way.pop()

    def resolved(self, reader: Schema, writer: Schema, path: str) -> Iterator[Refusal]:
        """Compare two schemas after following their references."""
        reader, writer = _resolve(reader, self.reader_defs), _resolve(writer, self.writer_defs)
        if "default" in reader and "default" in writer and reader["default"] != writer["default"]:
            yield path, f"means {reader['default']!r} when absent, not {writer['default']!r}"
        yield from self.alternatives(reader, writer, path)

    def alternatives(self, reader: Schema, writer: Schema, path: str) -> Iterator[Refusal]:
        """Each thing the writer may write must suit one thing the reader takes."""
        readable = [_resolve(option, self.reader_defs) for option in _options(reader)]
        for option in (_resolve(option, self.writer_defs) for option in _options(writer)):
            tries = [list(self.single(one, option, path)) for one in readable]
            if not any(found == [] for found in tries):
                pairs = zip(readable, tries, strict=True)
                near = [found for one, found in pairs if _types(one) & _types(option)]
                yield from min(near or tries, key=len)

    def single(self, reader: Schema, writer: Schema, path: str) -> Iterator[Refusal]:
        """Compare two schemas without alternatives."""
        if not _types(writer) <= _types(reader):
            yield path, f"is refused as {_show(_types(writer) - _types(reader))}"
            return
        yield from _values(reader, writer, path)
        yield from _limits(reader, writer, path)
        if "items" in reader:
            yield from self.node(reader["items"], writer.get("items", {}), f"{path}[]")
        if "object" in _types(writer) and "object" in _types(reader):
            yield from self.fields(reader, writer, path)

    def fields(self, reader: Schema, writer: Schema, path: str) -> Iterator[Refusal]:
        """Compare the fields of two objects."""
        read, written = reader.get("properties", {}), writer.get("properties", {})
        for name in reader.get("required", []):
            if name not in writer.get("required", []):
                yield _below(path, name), "is required but may be absent"
        for name, schema in written.items():
            if name in read:
                yield from self.node(read[name], schema, _below(path, name))
            elif self.closed:
                yield _below(path, name), "is no longer known (removed or renamed)"
        extra, offered = reader.get("additionalProperties"), writer.get("additionalProperties")
        if isinstance(extra, dict):
            yield from self.node(extra, offered if isinstance(offered, dict) else {}, f"{path}.*")
        elif self.closed and offered and not extra:
            yield path, "no longer keeps fields of any name"


def _resolve(schema: Schema, defs: Schema) -> Schema:
    while "$ref" in schema:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = defs[schema["$ref"].removeprefix("#/$defs/")] | beside
    return schema


def _options(schema: Schema) -> list[Schema]:
    return schema.get("anyOf") or schema.get("oneOf") or [schema]


def _types(schema: Schema) -> set[str]:
    declared = schema.get("type")
    if declared is None:
        return EVERY_TYPE
    types = {declared} if isinstance(declared, str) else set(declared)
    return types | {"integer"} if "number" in types else types


def _values(reader: Schema, writer: Schema, path: str) -> Iterator[Refusal]:
    allowed, possible = _enumerated(reader), _enumerated(writer)
    if allowed is None:
        return
    if possible is None:
        yield path, f"takes only {_show(allowed)}"
    elif possible - allowed:
        yield path, f"does not take {_show(possible - allowed)}"


def _enumerated(schema: Schema) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _limits(reader: Schema, writer: Schema, path: str) -> Iterator[Refusal]:
    for keyword in sorted(reader.keys() - PROSE - STRUCTURE):
        if keyword.startswith("x-"):
            continue
        asked, kept = reader[keyword], writer.get(keyword)
        lower_holds = keyword in LOWER and kept is not None and kept >= asked
        upper_holds = keyword in UPPER and kept is not None and kept <= asked
        if kept != asked and not lower_holds and not upper_holds:
            yield path, f"has {keyword} {asked!r}, not {kept!r}"


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _show(values: set[Any]) -> str:
    return ", ".join(sorted(str(value) for value in values))
