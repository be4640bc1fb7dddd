"""The texts of a folder to one set of data and a map from each value to its file and line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.hub.definitions.findings import (
    DefinitionsRefused,
    Finding,
    Path,
    Place,
    dotted,
    steps,
)
from services.hub.definitions.folder import TEMPLATE_ENDING, TEMPLATES, limit_size
from services.hub.definitions.tree import Tree, parse

FENCE = "---"


@dataclass
class Loaded:
    """One set of definitions as plain data, with the place of every value."""

    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Path, Place] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    _index: dict[tuple[str, ...], Place] | None = field(default=None, repr=False)

    def place(self, path: str) -> Place:
        """Where a dotted path stands: its own line, else that of the nearest thing around it."""
        if self._index is None:
            self._index = {tuple(steps(dotted(known))): at for known, at in self.places.items()}
        wanted = tuple(steps(path))
        for length in range(len(wanted), 0, -1):
            if at := self._index.get(wanted[:length]):
                return at
        return Place(".", 0)


def load(texts: Mapping[str, str]) -> Loaded:
    """Read and merge. Raises DefinitionsRefused only for sizes; everything else is in `findings`."""
    limit_size(dict(texts))
    loaded = Loaded()
    for file, text in sorted(texts.items()):
        if file.startswith(TEMPLATES) and file.endswith(TEMPLATE_ENDING):
            _merge(loaded, file, _template(file, text))
        else:
            _merge(loaded, file, parse(file, text))
    return loaded


def load_or_refuse(texts: Mapping[str, str]) -> Loaded:
    """Like `load`, but a mistake is raised as DefinitionsRefused."""
    loaded = load(texts)
    if loaded.findings:
        raise DefinitionsRefused(loaded.findings)
    return loaded


def _merge(loaded: Loaded, file: str, tree: Tree) -> None:
    """Files may share a top-level key as long as no name below it is in both."""
    loaded.findings += tree.findings
    for key, value in tree.data.items():
        if key not in loaded.data:
            loaded.data[key] = dict(value) if isinstance(value, dict) else value
            continue
        there = loaded.data[key]
        if not isinstance(there, dict) or not isinstance(value, dict):
            _twice(loaded, tree, (key,), "Write it in one file only.")
            continue
        for name, item in value.items():
            if name in there:
                _twice(loaded, tree, (key, name), "Rename one of them or remove it.")
            else:
                there[name] = item
    for path, place in tree.places.items():
        loaded.places.setdefault(path, place)


def _twice(loaded: Loaded, tree: Tree, path: Path, remedy: str) -> None:
    here, first = tree.places[path], loaded.places[path]
    what = f"is already defined in {first}"
    loaded.findings.append(Finding(here.file, here.line, dotted(path), what, remedy))


def _template(file: str, text: str) -> Tree:
    """`templates/welcome.liquid` with front matter becomes `templates: {welcome: {subject, body}}`."""
    name = file.removeprefix(TEMPLATES).removesuffix(TEMPLATE_ENDING)
    path: Path = ("templates", name)
    head, body, body_line = _front_matter(text)
    tree = parse(file, head)
    entry = {**tree.data, "body": body}
    places: dict[Path, Place] = {("templates",): Place(file, 1), path: Place(file, 1)}
    places |= {(*path, *inner): place for inner, place in tree.places.items() if inner}
    places[*path, "body"] = Place(file, body_line)
    findings = [
        Finding(f.file, f.line, f"templates.{name}.{f.path}".rstrip("."), f.message, f.remedy)
        for f in tree.findings
    ]
    return Tree({"templates": {name: entry}}, places, findings)


def _front_matter(text: str) -> tuple[str, str, int]:
    """The YAML between two `---` lines, kept on its own lines, then the body and the line it starts on."""
    lines = text.splitlines(keepends=True)
    if not lines or lines[0].strip() != FENCE:
        return "", text, 1
    for n, line in enumerate(lines[1:], start=1):
        if line.strip() == FENCE:
            return "\n" + "".join(lines[1:n]), "".join(lines[n + 1 :]), n + 2
    return "\n" + "".join(lines[1:]), "", len(lines)
