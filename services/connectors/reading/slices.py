"""Items of a JSON answer as the very bytes they came in: nothing is decoded and written anew."""

import json
import re
from typing import Any

from services.connectors.errors import Unreadable

_SPACE = re.compile(r"[ \t\n\r]*")
_READ = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode


def items_in(answer: bytes, field: str) -> tuple[list[tuple[bytes, Any]], dict[str, Any]]:
    """The items of the list `field`, each as its bytes and as read, and the other fields of the answer.

    Numbers are read as text, so that none loses a digit. Raises Unreadable.
    """
    try:
        found, beside = _members(answer.decode("utf-8-sig"), field)
    except UnicodeDecodeError:
        raise Unreadable("the answer is not UTF-8") from None
    except RecursionError:
        raise Unreadable("the answer is nested too deeply") from None
    except (ValueError, IndexError):
        raise Unreadable("the answer is no JSON object") from None
    if found is None:
        raise Unreadable(f"the answer has no list {field}")
    return found, beside


def _members(text: str, field: str) -> tuple[list[tuple[bytes, Any]] | None, dict[str, Any]]:
    found: list[tuple[bytes, Any]] | None = None
    beside: dict[str, Any] = {}
    at = _next(text, 0, "{")
    while text[at] != "}":
        name, at = _READ(text, at)
        at = _next(text, at, ":")
        if name == field and text[at] == "[":
            found, at = _items(text, at)
        else:
            beside[str(name)], at = _READ(text, at)
        at = _behind(text, at, "}")
    return found, beside


def _items(text: str, at: int) -> tuple[list[tuple[bytes, Any]], int]:
    found: list[tuple[bytes, Any]] = []
    at = _next(text, at, "[")
    while text[at] != "]":
        value, end = _READ(text, at)
        found.append((text[at:end].encode(), value))
        at = _behind(text, end, "]")
    return found, at + 1


def _next(text: str, at: int, mark: str) -> int:
    """The place of what follows `mark`."""
    at = _space(text, at)
    if text[at] != mark:
        raise ValueError(mark)
    return _space(text, at + 1)


def _behind(text: str, at: int, end: str) -> int:
    """After a member: the place of the next one, or of the end."""
    at = _space(text, at)
    return at if text[at] == end else _next(text, at, ",")


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
