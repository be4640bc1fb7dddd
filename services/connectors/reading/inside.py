"""Values deep inside a document that came from outside: whatever is not there is empty, never an error."""

from typing import Any


def value_at(document: Any, *path: str) -> Any:
    """What stands under these names, one inside the other; None if nothing does."""
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def text_at(document: Any, *path: str) -> str:
    """The text there; empty if there is none. Numbers are text when the document was read exactly."""
    found = value_at(document, *path)
    return found if isinstance(found, str) else ""


def rows_at(document: Any, *path: str) -> list[dict[str, Any]]:
    """The objects in the list there."""
    found = value_at(document, *path)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def size_at(document: Any, *path: str) -> int:
    """The whole number there, such as a size in bytes; 0 if there is none."""
    found = text_at(document, *path)
    return int(found) if found.isdecimal() and found.isascii() and len(found) < 20 else 0
