"""The runtime is a technical floor: it serves any trade and has no word of this one."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import files, tree

TRADE = {
    *("contact", "customer", "lead", "deal", "funnel", "enquiry", "enrolment", "campaign", "salesperson"),
    *(
        "contacts",
        "customers",
        "leads",
        "deals",
        "funnels",
        "enquiries",
        "enrolments",
        "campaigns",
        "telegram",
    ),
}


def test_no_name_and_no_text_of_the_runtime_belongs_to_the_trade() -> None:
    found = [
        f"{path}:{line} says {sorted(words & TRADE)}: let the service pass it in"
        for path in files("services/runtime")
        for line, written in written_in(tree(path))
        if (words := set(split(written))) & TRADE
    ]
    assert not found, "\n".join(found)


def written_in(module: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, text) of every name and string, except docstrings, where `leads to` is a verb."""
    prose = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


def split(written: str) -> list[str]:
    """The words of a name or a text, in lower case."""
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", written).lower())


def test_words_are_found_inside_names() -> None:
    assert split("on_LeadCaptured for deals.v1") == ["on", "lead", "captured", "for", "deals", "v"]
