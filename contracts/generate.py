"""Writes what follows from the contract classes: JSON Schemas and the AsyncAPI document.

`python -m contracts.generate` after a change; `--release` also moves the baseline for later changes.
"""

import json
import sys
from pathlib import Path

import yaml

from contracts.asyncapi import document
from contracts.catalog import FOLDER, schemas
from contracts.compatibility import RELEASED, check, released


def files() -> dict[Path, str]:
    """Everything that is generated, by its path under contracts/."""
    found = {Path("schemas") / f"{name}.json": _json(schema) for name, schema in schemas().items()}
    found[Path("asyncapi.yaml")] = "# Generated: python -m contracts.generate\n" + yaml.safe_dump(
        document(), sort_keys=False, allow_unicode=True, width=110
    )
    return found


def write(folder: Path = FOLDER) -> None:
    """Bring the generated files up to date and remove those without a contract."""
    wanted = files()
    (folder / "schemas").mkdir(parents=True, exist_ok=True)
    for stale in {path.relative_to(folder) for path in folder.glob("schemas/*.json")} - wanted.keys():
        (folder / stale).unlink()
    for path, text in wanted.items():
        (folder / path).write_text(text, "utf-8")


def release(folder: Path = RELEASED) -> list[str]:
    """Make today's schemas the baseline, unless they break the last one; the answer says what breaks."""
    current = schemas()
    problems = [str(found) for found in check(released(folder), current)]
    if not problems:
        folder.mkdir(exist_ok=True)
        for name, schema in current.items():
            (folder / f"{name}.json").write_text(_json(schema), "utf-8")
    return problems


def main(arguments: list[str]) -> int:
    """Write, and with `--release` move the baseline."""
    write()
    problems = release() if "--release" in arguments else []
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


def _json(schema: object) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
