"""A module is named by what it knows; some names say nothing."""

from pathlib import PurePath

from tests.architecture.source import files, text

BANNED = {"utils", "util", "common", "helpers", "helper", "base", "misc", "manager", "service"}
# Written apart, so that this file does not find itself.
OPEN = ("TO" + "DO", "FIX" + "ME", "Not" + "ImplementedError")


def test_no_module_hides_behind_an_empty_name() -> None:
    empty = [
        f"{path}: call it by the word for what it holds"
        for path in files()
        if {PurePath(path).stem, *PurePath(path).parts[:-1]} & BANNED
    ]
    assert not empty, "\n".join(empty)


def test_nothing_is_left_open() -> None:
    left = [
        f"{path}:{number} says {mark}: finish it, or take it out"
        for path in files()
        for number, line in enumerate(text(path).splitlines(), 1)
        for mark in OPEN
        if mark in line
    ]
    assert not left, "\n".join(left)
