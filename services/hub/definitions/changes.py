"""What differs between two sets, by name: pure comparison of data."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, order=True)
class Change:
    """One named thing below a top-level key, or the key itself when it holds no names."""

    key: str
    name: str
    did: Literal["added", "changed", "removed"]

    def plain(self) -> dict[str, str]:
        """JSON-ready data."""
        return asdict(self)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What applying `after` over `before` would do, sorted by key and name."""
    return sorted(
        change for key in {*before, *after} for change in _of_key(key, before.get(key), after.get(key))
    )


def _of_key(key: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if _named(before) and _named(after):
        for name in {*(before or {}), *(after or {})}:
            if change := _of_name(key, name, before or {}, after or {}):
                yield change
    else:
        yield Change(key, "", _did(before is not None, after is not None))


def _of_name(key: str, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Change | None:
    if name in before and name in after and before[name] == after[name]:
        return None
    return Change(key, name, _did(name in before, name in after))


def _did(was: bool, is_now: bool) -> Literal["added", "changed", "removed"]:
    if was and is_now:
        return "changed"
    return "added" if is_now else "removed"


def _named(value: Any) -> bool:
    return value is None or isinstance(value, dict)
