"""One YAML text to plain data, with the line of every value. Only JSON's kinds of values come out."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from services.hub.definitions import limits
from services.hub.definitions.findings import Finding, Path, Place, dotted

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_PLAIN = {_TAG + kind for kind in ("str", "int", "float", "bool", "null", "seq", "map", "merge")}


class _Loader(_Parser):
    """YAML 1.2's core schema: `on`, `no`, `10:00`, `007` and dates stay the text that people wrote."""


_Loader.yaml_implicit_resolvers = {}
for _kind, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(f"^(?:{_pattern})$"), list(_first))


@dataclass
class Tree:
    """What one file holds. `places` has an entry for every value, keyed by its path."""

    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Path, Place] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def parse(file: str, text: str) -> Tree:
    """Read one YAML file. Mistakes come back as findings, never as an exception."""
    reader = _Reader(file)
    try:
        _look_at_depth(text)
        root = yaml.compose(text, Loader=_Loader)
    except _TooMuch as problem:
        return reader.refuse_all(problem)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = min(mark.line + 1, len(text.rstrip().splitlines())) if mark else 0
        what = f"not valid YAML: {problem.problem or problem.context}"
        reader.refuse((), what, "Look at the indentation, colons and quotes around here.", line)
        return reader.tree
    except (yaml.YAMLError, RecursionError) as problem:
        what = f"not valid YAML: {type(problem).__name__}"
        reader.refuse((), what, "Save it as UTF-8 text without control characters.", 0)
        return reader.tree
    if root is None:
        return reader.tree
    if not isinstance(root, yaml.MappingNode):
        reader.refuse((), "the file is not a mapping", "Start with a top-level key such as channels:.", 1)
        return reader.tree
    try:
        reader.tree.data = reader.value(root, ())
    except _TooMuch as problem:
        return reader.refuse_all(problem)
    return reader.tree


def _look_at_depth(text: str) -> None:
    """Raises _TooMuch. The C composer calls itself for every level: deep enough, it ends the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > limits.DEPTH + 1:
                mark = event.start_mark
                raise _TooMuch(f"nested deeper than {limits.DEPTH} levels", mark.line + 1 if mark else 0)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _TooMuch(Exception):
    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.line = line


class _Reader:
    def __init__(self, file: str) -> None:
        self.tree = Tree()
        self._file = file
        self._values = 0

    def refuse(self, path: Path, message: str, remedy: str, line: int) -> None:
        self.tree.findings.append(Finding(self._file, line, dotted(path), message, remedy))

    def refuse_all(self, problem: _TooMuch) -> Tree:
        self.refuse((), str(problem), "Write it with less nesting and fewer aliases.", problem.line)
        self.tree.data = {}
        return self.tree

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._count(node, path)
        self.tree.places.setdefault(path, Place(self._file, _line(node)))
        if node.tag not in _PLAIN:
            what = f"the tag {_written(node.tag)} is not allowed"
            self.refuse(path, what, "Remove the tag; plain values are enough.", _line(node))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, n)) for n, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _count(self, node: yaml.Node, path: Path) -> None:
        """An alias counts every time it is used: that bounds nested aliases and ones that hold themselves."""
        self._values += 1
        if len(path) > limits.DEPTH:
            raise _TooMuch(f"nested deeper than {limits.DEPTH} levels", _line(node))
        if self._values > limits.VALUES:
            raise _TooMuch(f"more than {limits.VALUES} values", _line(node))

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        seen: dict[str, int] = {}
        data: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                continue
            name = self._key(key, path)
            if name is None:
                continue
            if name in seen:
                what = f'"{name}" is there twice, first on line {seen[name]}'
                self.refuse((*path, name), what, "Keep one of them.", _line(key))
                continue
            seen[name] = _line(key)
            self.tree.places.setdefault((*path, name), Place(self._file, _line(key)))
            data[name] = self.value(value, (*path, name))
        for merged in self._merged(node, path):
            for name, value in merged.items():
                data.setdefault(name, value)
        return data

    def _merged(self, node: yaml.MappingNode, path: Path) -> Iterator[dict[str, Any]]:
        """`<<: *defaults`: keys of the alias that are not written here, as YAML 1.1 defines it."""
        for key, value in node.value:
            if key.tag != _TAG + "merge":
                continue
            sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for source in sources:
                if isinstance(source, yaml.MappingNode):
                    yield self.value(source, path)
                else:
                    what = "<< takes an alias of a mapping"
                    self.refuse(path, what, "Write <<: *name.", _line(key))

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == _TAG + "str":
            return str(node.value)
        what = "a key must be text"
        self.refuse(path, what, 'Put it into quotes, such as "404":.', _line(node))
        return None

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        kind = node.tag.removeprefix(_TAG)
        try:
            return _plain(kind, str(node.value))
        except (KeyError, ValueError):
            remedy = "Write it in another way, or put it into quotes."
            self.refuse(path, f"not a usable {kind}", remedy, _line(node))
            return None


def _plain(kind: str, text: str) -> str | int | float | bool | None:
    """Raises KeyError or ValueError for what JSON or PostgreSQL could not carry."""
    match kind:
        case "bool":
            return {"true": True, "false": False}[text.lower()]
        case "int" if abs(int(text)) <= 2**53:
            return int(text)
        case "float" if math.isfinite(float(text)):
            return float(text)
        case "null":
            return None
        case "str" if "\x00" not in text and text.encode():
            return text
        case "str" if not text:
            return text
    raise ValueError(kind)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _written(tag: str) -> str:
    return tag.replace(_TAG, "!!")
