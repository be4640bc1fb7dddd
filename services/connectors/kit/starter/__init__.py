"""A new kind's folder: everything is there, and one recording fails until its parser is written."""

import re
from pathlib import Path

from services.connectors.catalog.kinds import NAME
from services.connectors.errors import ManifestError

_HERE = Path(__file__).parent
# File in this folder: file in the kind's folder. A parser under its own name would be checked as one.
_FILES = {
    "manifest.toml": "manifest.toml",
    "parse.txt": "parse.py",
    "README.md": "README.md",
    "channel.json": "fixtures/channel.json",
    "message__first.http": "fixtures/message__first.http",
    "message__first.expected.json": "fixtures/message__first.expected.json",
    "SOURCES.toml": "fixtures/SOURCES.toml",
}
_NAME = re.compile(r"\bKIND\b")


def make_kind(name: str, catalog: Path) -> list[Path]:
    """Make the folder of a new kind; the files in it. Raises ManifestError, OSError."""
    if not NAME.fullmatch(name):
        raise ManifestError(f'"{name}" cannot be a kind: use a-z, 0-9 and _, at most 40 of them')
    folder = catalog / name
    if folder.exists():
        raise ManifestError(f"{folder} is there already")
    made = []
    for source, target in _FILES.items():
        path = folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (_HERE / source).read_text(encoding="utf-8")
        path.write_text(_NAME.sub(name, text), encoding="utf-8")
        made.append(path)
    return made
