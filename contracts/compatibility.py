"""The gate between releases: refuses what today's readers or yesterday's messages could not bear.

Schemas are closed first (unknown fields refused), because two open ones always look compatible.
Everything new must accept what was written under the old schema. A fact or an answer must moreover still be
readable by whoever knows only the old schema, so it may gain optional fields and nothing else.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from contracts.catalog import FOLDER, Schema, schemas
from contracts.comparison import refusals

RELEASED = FOLDER / "released"
WRITTEN_BY_US = frozenset({"fact", "answer"})
DECLARED = ("x-kind", "x-owner", "x-stream", "x-key", "x-entity", "x-standing")


@dataclass(frozen=True)
class Break:
    """One change that would break somebody, and what to do instead."""

    contract: str
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.contract}: {self.path}" if self.path else self.contract
        return f"{where} {self.message}. Leave it as released, or add a new version beside it."


def breaks(name: str, old: Schema, new: Schema) -> list[Break]:
    """Every way in which `new` breaks those who relied on `old`."""
    found = [
        ("", f"declares {attribute[2:]} {new.get(attribute)!r}, not {old.get(attribute)!r}")
        for attribute in DECLARED
        if old.get(attribute) != new.get(attribute)
    ]
    found += refusals(reader=new, writer=old, closed=True)
    if old.get("x-kind") in WRITTEN_BY_US:
        told = {path for path, _ in found}
        found += [
            (path, f"reaches readers of the old schema, for whom it {message}")
            for path, message in refusals(reader=old, writer=new, closed=False)
            if path not in told
        ]
    return [Break(name, path, message) for path, message in found]


def check(released: dict[str, Schema], current: dict[str, Schema]) -> list[Break]:
    """Every break of the released schemas by the current ones; what is unreleased may change."""
    return list(_check(released, current))


def _check(released: dict[str, Schema], current: dict[str, Schema]) -> Iterator[Break]:
    for name, old in released.items():
        if name in current:
            yield from breaks(name, old, current[name])
        else:
            yield Break(name, "", "is gone, though it was released")


def released(folder: Path = RELEASED) -> dict[str, Schema]:
    """The schemas of the last release, as committed."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


def main() -> int:
    """Compare the classes with the last release; print what breaks."""
    found = check(released(), schemas())
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
