"""The project's own Python files and the functions in them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = ("connectors", "leads", "deals", "notifications")


@dataclass(frozen=True)
class Function:
    """One function and where it stands."""

    path: str
    name: str
    line: int
    lines: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.name}"


@cache
def files(*folders: str) -> list[str]:
    """Python files under these folders, or all that ship or test, relative to the root."""
    wanted = folders or ("contracts", "services", "tests", "docs")
    found = (path for folder in wanted for path in (ROOT / folder).rglob("*.py"))
    return sorted(str(path.relative_to(ROOT)) for path in found if "versions" not in path.parts)


@cache
def text(path: str) -> str:
    """What a file says."""
    return (ROOT / path).read_text("utf-8")


@cache
def tree(path: str) -> ast.Module:
    """A file, parsed."""
    return ast.parse(text(path), path)


def lines(path: str) -> int:
    """How many lines a file has."""
    return text(path).count("\n")


@cache
def functions() -> list[Function]:
    """Every function, measured without its decorators."""
    return [function for path in files() for function in _functions(path)]


def imports(path: str) -> Iterator[tuple[int, str]]:
    """(line, module) for every module that a file imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module


def _functions(path: str) -> Iterator[Function]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield Function(path, node.name, node.lineno, node.end_lineno - node.lineno + 1)
