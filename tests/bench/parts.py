"""The parts of a bench, by name, in the order of the report."""

from importlib import import_module
from typing import cast

from tests.bench.contender import Part

NAMES = ("floors", "intake", "busy", "journey", "parsers")


def part(name: str) -> Part:
    """The part of this name. Loaded only when it is asked for."""
    return cast(Part, import_module(f"tests.bench.{name}").PART)
