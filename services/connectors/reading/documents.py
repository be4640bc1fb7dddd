"""JSON from outside: exact numbers, bounded depth, and one flat spelling of nested names."""

import json
from typing import Any, NoReturn

from services.connectors.errors import Unreadable
from services.connectors.reading.charsets import decode

MAX_DEPTH = 20
MAX_FIELDS = 1000

FieldList = dict[str, list[str]]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def read_json(body: bytes, *, exact: bool = False) -> Any:
    """The document. With `exact` numbers stay as they were written, as text. Raises Unreadable."""
    numbers: dict[str, Any] = {"parse_int": str, "parse_float": str} if exact else {}
    try:
        encoding = json.detect_encoding(body)
        text = decode(body, encoding if "utf-8" not in encoding else None)
        return json.loads(text.lstrip("\ufeff"), parse_constant=_no_constant, **numbers)
    except RecursionError:
        raise Unreadable("the JSON is nested too deeply") from None
    except ValueError as error:
        place = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(f"the body is not JSON{place}") from None


def read_object(body: bytes, *, exact: bool = False) -> dict[str, Any]:
    """The document, which must be an object. Raises Unreadable."""
    document = read_json(body, exact=exact)
    if not isinstance(document, dict):
        raise Unreadable("the JSON is not an object")
    return document


def flatten(document: dict[str, Any]) -> FieldList:
    """Every value under its dotted name; a list of plain values is one name with many values."""
    found: FieldList = {}
    _collect(document, "", found, 0)
    return found


def _collect(value: Any, name: str, found: FieldList, depth: int) -> None:
    if depth > MAX_DEPTH or len(found) > MAX_FIELDS:
        raise Unreadable(f"more than {MAX_DEPTH} levels or {MAX_FIELDS} fields")
    if isinstance(value, dict):
        for key, inner in value.items():
            _collect(inner, dotted(f"{name}.{key}" if name else str(key)), found, depth + 1)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            nested = isinstance(inner, dict | list)
            _collect(inner, f"{name}.{place}" if nested else name, found, depth + 1)
    elif value is not None:
        found.setdefault(name, []).append(_plain(value))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def dotted(name: str) -> str:
    """One spelling for nested names: `a[b][]` and `a.b` are both `a.b`."""
    return ".".join(part for part in name.replace("[", ".").replace("]", "").split(".") if part)
