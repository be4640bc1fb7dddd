"""Values for `${NAME}` in definitions: kept in one file below the home, read by `up` and `channel test`."""

import os
import re
from collections.abc import Iterable, Mapping, MutableMapping

from services.hub.home import Home

FILE = "definitions.env"
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
    lines = (home.read(FILE) or "").splitlines()
    pairs = (line.partition("=") for line in lines if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, mark, value in pairs if mark and name.strip()}


def make_missing(home: Home, names: Iterable[str]) -> list[str]:
    """Make a value for every name that has none; the names that got one."""
    there = kept(home)
    missing = sorted(name for name in set(names) if not there.get(name) and not os.environ.get(name))
    if missing:
        there |= {name: os.urandom(24).hex() for name in missing}
        home.keep(FILE, "\n".join(f"{name}={value}" for name, value in there.items()))
    return missing


def put_into(environment: MutableMapping[str, str], home: Home) -> None:
    """Let references be resolved; what the environment says itself goes first."""
    for name, value in kept(home).items():
        environment.setdefault(name, value)
