"""Limits that a few named files or functions may pass, each with a reason."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Exemption:
    """One file or function that may grow to its own limit."""

    rule: str
    name: str
    limit: int
    reason: str


@cache
def exemptions() -> dict[tuple[str, str], Exemption]:
    """All of them, by rule and name."""
    entries = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).get("exempt", [])
    return {(entry["rule"], entry["name"]): Exemption(**entry) for entry in entries}


def limit_for(rule: str, name: str, otherwise: int) -> int:
    """The limit that holds here."""
    exempt = exemptions().get((rule, name))
    return exempt.limit if exempt else otherwise
