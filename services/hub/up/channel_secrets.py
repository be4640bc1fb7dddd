"""Values for `${NAME}` in definitions: kept in one file below the home, read by `up` and `channel test`."""

import os
import re
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path

from services.hub import secret_files
from services.hub.home import Home
from services.runtime.settings import REFERENCES, pairs

FILE = REFERENCES
_REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def names_in(texts: Mapping[str, str]) -> set[str]:
    """Every NAME that some YAML file refers to."""
    return {
        name
        for file, text in texts.items()
        if not file.endswith(".liquid")
        for name in _REFERENCE.findall(text)
    }


def kept(home: Home) -> dict[str, str]:
    """NAME=value lines of the file; other lines are left out."""
    return pairs(home.read(FILE) or "")


def make_missing(home: Home, names: Iterable[str]) -> list[str]:
    """Make a value for every name that has none; the names that got one."""
    return make_missing_in(home.secrets / FILE, names)


def make_missing_in(file: Path, names: Iterable[str]) -> list[str]:
    """The same in any file."""
    there = pairs(secret_files.read(file) or "")
    missing = sorted(name for name in set(names) if not there.get(name) and not os.environ.get(name))
    if missing:
        there |= {name: os.urandom(24).hex() for name in missing}
        secret_files.keep(file, "\n".join(f"{name}={value}" for name, value in there.items()))
    return missing


def put_into(environment: MutableMapping[str, str], home: Home) -> None:
    """Let references be resolved; what the environment says itself goes first."""
    for name, value in kept(home).items():
        environment.setdefault(name, value)
