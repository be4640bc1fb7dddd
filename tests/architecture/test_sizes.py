"""Files and functions stay small enough to be read at a glance."""

from collections.abc import Iterator
from pathlib import Path

from tests.architecture.exemptions import exemptions, limit_for
from tests.architecture.source import files, functions, lines

FILE, PARSER, FUNCTION = 300, 150, 40
REMEDIES = {
    "file size": "make it a folder of the same name, with one file for each thing it knows",
    "function size": "give its steps names of their own",
}


def file_limit(path: str) -> int:
    return PARSER if Path(path).name == "parse.py" else FILE


def sizes() -> Iterator[tuple[str, str, int, int]]:
    """(rule, name, lines, limit) of every file and function."""
    for path in files():
        yield "file size", path, lines(path), file_limit(path)
    for function in functions():
        yield "function size", f"{function.path}::{function.name}", function.lines, FUNCTION


def test_no_file_and_no_function_passes_its_limit() -> None:
    too_long = [
        f"{name} has {size} lines, the limit is {allowed}: {REMEDIES[rule]}"
        for rule, name, size, limit in sizes()
        if size > (allowed := limit_for(rule, name, limit))
    ]
    assert not too_long, "\n".join(too_long)


def test_no_exemption_outlives_its_need() -> None:
    needed = {(rule, name) for rule, name, size, limit in sizes() if size > limit}
    needless = [
        f"{entry.rule} of {entry.name}: take it out of exemptions.toml"
        for entry in exemptions().values()
        if (entry.rule, entry.name) not in needed
    ]
    assert not needless, "\n".join(needless)


def test_every_exemption_says_why() -> None:
    assert [entry.name for entry in exemptions().values() if len(entry.reason.split()) < 4] == []
