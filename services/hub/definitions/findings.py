"""What is wrong with a folder of definitions, where, and what to do about it."""

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

Path = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file of the folder; line 0 means the file or the folder as a whole."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, order=True)
class Finding:
    """One mistake. `path` is dotted, such as `channels.main-site.kind`."""

    file: str
    line: int
    path: str
    message: str
    remedy: str

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.file, self.line)

    def plain(self) -> dict[str, Any]:
        """JSON-ready data."""
        return asdict(self)


class DefinitionsRefused(Exception):
    """The folder cannot be made active as it stands; `findings` says why."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = sorted(set(findings))
        super().__init__(f"{len(self.findings)} mistakes in the definitions")


def dotted(path: Path) -> str:
    """The path as people write it: `routing[0].when`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def steps(text: str) -> list[str]:
    """The steps of a written path; `a[0].b` and `a.0.b` are the same."""
    return [step for step in text.replace("[", ".").replace("]", "").split(".") if step]


def suggestion(wrong: str, known: Iterable[str], *, otherwise: str) -> str:
    """A remedy that names the nearest known name, or lists what exists."""
    names = sorted(set(known))
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.6)
    if near:
        return f'Did you mean "{near[0]}"?'
    if names and len(names) <= 12:
        return f"Use one of: {', '.join(names)}."
    return otherwise
