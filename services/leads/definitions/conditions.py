"""CEL conditions: compiled once, checked against the fields that exist, asked without ever failing."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cel
from prometheus_client import Counter

from services.leads.domain.rules import FieldRule, typed
from services.leads.domain.scoring import View

FAILED = Counter(
    "leadwire_leads_conditions_failed_total", "Conditions that could not be answered.", ["error"]
)
_FUNCTIONS = frozenset(
    {
        *("size", "contains", "startsWith", "endsWith", "matches"),
        *("string", "int", "uint", "double", "bytes", "duration", "timestamp", "type", "dyn"),
    }
)
_LITERAL = re.compile(r"""[rRbB]{0,2}('''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""", re.S)
_MEMBER = re.compile(
    _LITERAL.pattern + r"""|(?<![\w.])(interaction|contact|fields|lead)\s*"""
    r"""(?:\.\s*(\w+)|\[\s*(?:"([^"\\]*)"|'([^'\\]*)')\s*\])""",
    re.S,
)
_BINDS = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*(\w+)\s*,")
_CHANNEL = re.compile(r"""interaction\s*\.\s*channel\s*[=!]=\s*(?:"([^"\\]*)"|'([^'\\]*)')""")
_SAMPLE: dict[str, dict[str, Any]] = {
    "interaction": {
        "channel": "site",
        "kind": "form",
        "medium": "form",
        "title": "Hello",
        "text": "Hello",
        "attachments": 1,
    },
    "contact": {"name": "Ann", "language": "en", "identities": ["phone"], "known": True},
    "lead": {"score": 10},
}
_SAMPLE_VALUES: dict[str, str | list[str]] = {"text": "1", "number": "1", "flag": "yes", "list": ["1"]}


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a condition, and what to do about it."""

    message: str
    remedy: str


class _Context:
    """The values of a view as CEL wants them; each is converted when a condition first needs it."""

    def __init__(self, view: View) -> None:
        self.cel = cel.Context()
        self._values = view.values
        self._there: set[str] = set()

    def with_values(self, names: frozenset[str]) -> "cel.Context":
        """The context with these variables in it, as far as the view has them."""
        for name in names - self._there:
            if name in self._values:
                self.cel.add_variable(name, self._values[name])
                self._there.add(name)
        return self.cel


class CelCondition:
    """A compiled condition. Raises ValueError when the source is not CEL."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.program = cel.compile(source)
        self._needs = frozenset(self.program.variables())

    def __call__(self, view: View) -> bool:
        """Whether it is true; a field that is missing or of another type makes it false."""
        try:
            if not isinstance(view.prepared, _Context):
                view.prepared = _Context(view)
            return self.program.execute(view.prepared.with_values(self._needs)) is True
        except KeyError:
            return False
        except Exception as error:
            FAILED.labels(type(error).__name__).inc()
            return False


@lru_cache(maxsize=4096)
def condition(source: str) -> CelCondition:
    """The compiled condition; the same source is compiled once. Raises ValueError."""
    return CelCondition(source)


def sample(fields: Mapping[str, FieldRule], *, lead: bool) -> dict[str, dict[str, Any]]:
    """What a condition may look at, with a value for everything."""
    values = typed(fields, {name: _SAMPLE_VALUES[rule.type] for name, rule in fields.items()})
    known = {**_SAMPLE, "fields": values}
    return known if lead else {name: known[name] for name in known if name != "lead"}


def mistakes(source: str, known: Mapping[str, Mapping[str, Any]]) -> Iterator[Mistake]:
    """What is wrong with a condition that may look at this much."""
    try:
        program = condition(source).program
    except ValueError as error:
        reason = str(error).splitlines()[0].split("ERROR: <input>:")[-1]
        yield Mistake(f"not a CEL condition, at {reason}", "Correct the expression.")
        return
    found = [
        *_unknown_variables(source, program, known),
        *_unknown_members(source, known),
        *_unknown_functions(program),
    ]
    yield from found or _wrong_types(program, known)


def channels_in(source: str) -> set[str]:
    """The channels that a condition compares with by name."""
    return {double or single for double, single in _CHANNEL.findall(source)}


def _unknown_variables(
    source: str, program: "cel.Program", known: Mapping[str, Mapping[str, Any]]
) -> Iterator[Mistake]:
    bound = set(_BINDS.findall(_LITERAL.sub("''", source)))
    for name in program.variables():
        if name not in known and name not in bound:
            yield Mistake(f"{name!r} is not known here", f"Use {', '.join(sorted(known))}.")


def _unknown_members(source: str, known: Mapping[str, Mapping[str, Any]]) -> Iterator[Mistake]:
    found = [(root, plain or double or single) for _, root, plain, double, single in _MEMBER.findall(source)]
    for root, member in dict.fromkeys(found):
        if root not in known or member in known[root]:
            continue
        near = difflib.get_close_matches(member, known[root], n=1)
        guess = f"Did you mean {root}.{near[0]}? " if near else ""
        has = ", ".join(sorted(known[root])) or "nothing yet"
        where = " Add fields to fields.known." if root == "fields" else ""
        yield Mistake(f"{root} has no field {member!r}", f"{guess}It has: {has}.{where}")


def _unknown_functions(program: "cel.Program") -> Iterator[Mistake]:
    for name in program.functions():
        if name not in _FUNCTIONS and not name.startswith(("_", "!", "@", "-", "get")):
            near = difflib.get_close_matches(name, _FUNCTIONS, n=1)
            guess = f"Did you mean {near[0]}()? " if near else ""
            yield Mistake(f"there is no function {name}()", f"{guess}Use {', '.join(sorted(_FUNCTIONS))}.")


def _wrong_types(program: "cel.Program", known: Mapping[str, Mapping[str, Any]]) -> Iterator[Mistake]:
    """Ask it about a sample; what a sample cannot answer is left to the day itself."""
    try:
        answer = program.execute(dict(known))
    except TypeError:
        remedy = "Compare text with text in quotes and numbers with numbers, such as fields.budget > 100.0."
        yield Mistake("compares or combines values of different types", remedy)
    except RuntimeError as error:
        yield Mistake(str(error).splitlines()[0], "Correct the expression.")
    except Exception:
        return
    else:
        if not isinstance(answer, bool):
            yield Mistake("is not a question with the answer true or false", "Compare with a value.")
